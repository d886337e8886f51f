import { issuerDenial, validityDenial } from './certificate-checks.ts';
import { CertificatePool } from './certificate-pool.ts';
import type { Certificate } from './certificate.ts';
import type { ChainDenial } from './chain-denial.ts';
import type { ChainPolicy } from './chain-policy.ts';
import { ChainWork } from './chain-work.ts';
import { type PathPolicies, validatePath } from './path-validation.ts';
import { ANY_PURPOSE, type Purpose } from './purpose.ts';
import { type Revocation, revocationDenial } from './revocation.ts';

export interface ChainInput {
  readonly leaf: Certificate;
  /** Certificates that may help to reach an anchor, in any order; nothing about them is believed. */
  readonly intermediates: readonly Certificate[] | CertificatePool;
  /** The issuers that the caller trusts by configuration. None means that nothing is accepted. */
  readonly anchors: readonly Certificate[] | CertificatePool;
  readonly now: Date;
  readonly purpose: Purpose;
  readonly policy: ChainPolicy;
  /** Leave it out where revocation is looked after elsewhere: no CRL is then asked for. */
  readonly revocation?: Revocation | undefined;
}

/** `path` runs from the leaf to the anchor, both included. */
export type ChainVerdict =
  | {
      readonly ok: true;
      readonly path: readonly Certificate[];
      readonly policies: PathPolicies;
      readonly signatureChecks: number;
    }
  | { readonly ok: false; readonly denials: readonly ChainDenial[]; readonly signatureChecks: number };

/**
 * Establishes that a path leads from one of `anchors` to `leaf` on which every signature verifies under `policy`, names chain, and RFC 5280 §6.1
 * is satisfied (see `validatePath`); and, where `revocation` is given, that every certificate on it below the anchor is on no CRL and covered by one.
 * Paths are tried until one is accepted or the limits of `policy` are reached; the denials are those of the attempt that came furthest.
 *
 * It does not establish that the leaf's holder is present (possession of the key), nor what the leaf's names mean.
 */
export function verifyChain(input: ChainInput): ChainVerdict {
  const work = new ChainWork(input.policy.signatures, input.policy.maxSignatureChecks);
  return new PathSearch(input, work, []).run();
}

const poolOf = (certificates: readonly Certificate[] | CertificatePool): CertificatePool =>
  certificates instanceof CertificatePool ? certificates : new CertificatePool(certificates);

/** One depth-first search for a path, anchors first. */
class PathSearch {
  readonly #input: ChainInput;
  readonly #anchors: CertificatePool;
  readonly #intermediates: CertificatePool;
  readonly #work: ChainWork;
  /** Signers of CRLs whose own paths are being looked for, outermost first. */
  readonly #signersInQuestion: readonly Certificate[];
  #denial: ChainDenial = { code: 'issuer-unknown', depth: 0 };
  /** How far the attempt got that #denial is from. */
  #progress = -1;
  #isExhausted = false;

  constructor(input: ChainInput, work: ChainWork, signersInQuestion: readonly Certificate[]) {
    this.#input = input;
    this.#anchors = poolOf(input.anchors);
    this.#intermediates = poolOf(input.intermediates);
    this.#work = work;
    this.#signersInQuestion = signersInQuestion;
  }

  run(): ChainVerdict {
    const found = this.#extend([this.#input.leaf]);
    const { signatureChecks } = this.#work;
    if (found !== undefined) return { ok: true, ...found, signatureChecks };
    const denials: ChainDenial[] = [this.#denial];
    if (this.#isExhausted) denials.push({ code: 'too-much-work', depth: 0 });
    return { ok: false, denials, signatureChecks };
  }

  /** An accepted path that starts with `path`; undefined when there is none. */
  #extend(path: readonly Certificate[]): { path: readonly Certificate[]; policies: PathPolicies } | undefined {
    const child = path.at(-1);
    if (child === undefined) return undefined;
    const anchors = this.#anchors.named(child.issuer);
    const others = this.#intermediates.named(child.issuer);
    if (anchors.length + others.length === 0)
      this.#note({ code: 'issuer-unknown', depth: path.length - 1 }, path.length);
    for (const anchor of this.#likeliestFirst(child, anchors)) {
      if (!this.#admits(path, child, anchor, true)) continue;
      const policies = this.#accept([...path, anchor]);
      if (policies !== undefined) return { path: [...path, anchor], policies };
    }
    for (const issuer of this.#likeliestFirst(child, others)) {
      if (!this.#admits(path, child, issuer, false)) continue;
      const found = this.#extend([...path, issuer]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** True when `issuer` can stand above `child`: cheap checks first, the signature last. */
  #admits(path: readonly Certificate[], child: Certificate, issuer: Certificate, isAnchor: boolean): boolean {
    if (this.#isExhausted || path.some((other) => isSameAuthority(other, issuer))) return false;
    if (!this.#work.takeCandidate()) return this.#exhaust();
    const depth = path.length;
    if (!isAnchor) {
      if (depth > this.#input.policy.maxIntermediates) return this.#note({ code: 'path-too-long', depth }, depth);
      const code = issuerDenial(issuer) ?? validityDenial(issuer, this.#input.now);
      if (code !== undefined) return this.#note({ code, depth }, depth);
    }
    const verdict = this.#work.verify(child, issuer);
    if (verdict === 'exhausted') return this.#exhaust();
    return verdict.ok || this.#note({ code: verdict.code, depth: depth - 1 }, depth);
  }

  #accept(path: readonly Certificate[]): PathPolicies | undefined {
    if (!this.#work.takePath()) {
      this.#exhaust();
      return undefined;
    }
    const verdict = validatePath(path, this.#input);
    const denial = verdict.ok ? this.#revocationDenial(path) : verdict.denial;
    if (denial === undefined) return verdict.ok ? verdict.policies : undefined;
    this.#note(denial, Infinity);
    return undefined;
  }

  #revocationDenial(path: readonly Certificate[]): ChainDenial | undefined {
    const { now, revocation } = this.#input;
    if (revocation === undefined) return undefined;
    const [work, pool] = [this.#work, this.#intermediates];
    const isTrustedSigner = (signer: Certificate): boolean => this.#isTrustedSigner(signer, path);
    return revocationDenial({ path, pool, now, revocation, work, isTrustedSigner });
  }

  /** Looks for a path of its own for the signer of a CRL, under the anchor of `path` and on the same budget. */
  #isTrustedSigner(signer: Certificate, path: readonly Certificate[]): boolean {
    // A signer whose own status hangs on a CRL that it signs would vouch for itself.
    if (this.#signersInQuestion.includes(signer)) return false;
    const input = { ...this.#input, leaf: signer, purpose: ANY_PURPOSE, anchors: path.slice(-1) };
    return new PathSearch(input, this.#work, [...this.#signersInQuestion, signer]).run().ok;
  }

  /** Those whose subject key identifier is the one that `child` names come first; the others stay candidates (RFC 5280 §4.2.1.1: a hint). */
  #likeliestFirst(child: Certificate, issuers: readonly Certificate[]): readonly Certificate[] {
    const wanted = child.extensions.authorityKeyIdentifier?.keyIdentifier;
    if (issuers.length < 2 || wanted === undefined) return issuers;
    const rank = (issuer: Certificate): number => {
      const own = issuer.extensions.subjectKeyIdentifier;
      if (own === undefined) return 1;
      return Buffer.compare(own, wanted) === 0 ? 0 : 2;
    };
    return issuers.toSorted((a, b) => rank(a) - rank(b));
  }

  /** Keeps the first denial of the attempt that came furthest. Returns false, for the caller to pass on. */
  #note(denial: ChainDenial, progress: number): false {
    if (progress > this.#progress) {
      this.#denial = denial;
      this.#progress = progress;
    }
    return false;
  }

  #exhaust(): false {
    this.#isExhausted = true;
    return false;
  }
}

/** Same name and key: a second certificate of an authority that is on the path already leads nowhere new. */
const isSameAuthority = (a: Certificate, b: Certificate): boolean =>
  Buffer.compare(a.publicKey.raw, b.publicKey.raw) === 0 && Buffer.compare(a.subject.raw, b.subject.raw) === 0;
