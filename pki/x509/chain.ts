import type { Bytes } from '#core/bytes.ts';

import { issuerDenial, validityDenial } from './certificate-checks.ts';
import { authorityId, type AuthorityGroup, CertificatePool } from './certificate-pool.ts';
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
  | ({ readonly ok: true; readonly signatureChecks: number } & Accepted)
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

interface Accepted {
  readonly path: readonly Certificate[];
  readonly policies: PathPolicies;
}

interface Candidate {
  readonly certificate: Certificate;
  readonly id: string;
  readonly rank: number;
}

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
    const { leaf } = this.#input;
    const found = this.#extend([leaf], [authorityId(leaf)]);
    const { signatureChecks } = this.#work;
    if (found !== undefined) return { ok: true, ...found, signatureChecks };
    const denials: ChainDenial[] = [this.#denial];
    if (this.#isExhausted) denials.push({ code: 'too-much-work', depth: 0 });
    return { ok: false, denials, signatureChecks };
  }

  /** An accepted path that starts with `path`, whose authorities are `ids`; undefined when there is none. */
  #extend(path: readonly Certificate[], ids: readonly string[]): Accepted | undefined {
    const child = path.at(-1);
    if (child === undefined) return undefined;
    const anchors = this.#anchors.groups(child.issuer);
    const others = this.#intermediates.groups(child.issuer);
    if (anchors.length + others.length === 0)
      this.#note({ code: 'issuer-unknown', depth: path.length - 1 }, path.length);
    for (const { certificate } of this.#open(child, anchors, ids)) {
      if (!this.#admits(path, child, certificate, true)) continue;
      const policies = this.#accept([...path, certificate]);
      if (policies !== undefined) return { path: [...path, certificate], policies };
    }
    for (const { certificate, id } of this.#open(child, others, ids)) {
      if (!this.#admits(path, child, certificate, false)) continue;
      const found = this.#extend([...path, certificate], [...ids, id]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * The certificates that may stand above `child`. Those with the subject key identifier that it names come first, as RFC 5280 §4.2.1.1 hints;
   * those of an authority that is on the path already lead nowhere new, and are left out.
   */
  #open(child: Certificate, groups: readonly AuthorityGroup[], ids: readonly string[]): readonly Candidate[] {
    const wanted = child.extensions.authorityKeyIdentifier?.keyIdentifier;
    const found: Candidate[] = [];
    for (const { id, certificates } of groups) {
      if (!this.#takeCandidate()) break;
      if (ids.includes(id)) continue;
      for (const certificate of certificates) {
        if (!this.#takeCandidate()) break;
        found.push({ certificate, id, rank: hintRank(certificate, wanted) });
      }
    }
    return found.toSorted((a, b) => a.rank - b.rank);
  }

  /** True when `issuer` can stand above `child`: cheap checks first, the signature last. */
  #admits(path: readonly Certificate[], child: Certificate, issuer: Certificate, isAnchor: boolean): boolean {
    if (this.#isExhausted) return false;
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
    const { now, purpose, policy } = this.#input;
    const verdict = validatePath(path, { now, purpose, policy, comparisons: this.#work.comparisons });
    const denial = verdict.ok ? this.#revocationDenial(path) : verdict.denial;
    if (denial === undefined) return verdict.ok ? verdict.policies : undefined;
    this.#note(denial, Infinity);
    return undefined;
  }

  #revocationDenial(path: readonly Certificate[]): ChainDenial | undefined {
    const { now, revocation, policy } = this.#input;
    if (revocation === undefined) return undefined;
    const [work, pool] = [this.#work, this.#intermediates];
    const isTrustedSigner = (signer: Certificate): boolean => this.#isTrustedSigner(signer, path);
    return revocationDenial({ path, pool, now, revocation, profile: policy.profile, work, isTrustedSigner });
  }

  /** Looks for a path of its own for the signer of a CRL, under the anchor of `path` and on the same budget. */
  #isTrustedSigner(signer: Certificate, path: readonly Certificate[]): boolean {
    // A signer whose own status hangs on a CRL that it signs would vouch for itself.
    if (this.#signersInQuestion.includes(signer)) return false;
    const input = { ...this.#input, leaf: signer, purpose: ANY_PURPOSE, anchors: path.slice(-1) };
    return new PathSearch(input, this.#work, [...this.#signersInQuestion, signer]).run().ok;
  }

  /** Keeps the first denial of the attempt that came furthest. Returns false, for the caller to pass on. */
  #note(denial: ChainDenial, progress: number): false {
    if (progress > this.#progress) {
      this.#denial = denial;
      this.#progress = progress;
    }
    return false;
  }

  #takeCandidate(): boolean {
    return !this.#isExhausted && (this.#work.takeCandidate() || this.#exhaust());
  }

  #exhaust(): false {
    this.#isExhausted = true;
    return false;
  }
}

/** 0 where the certificate has the wanted identifier, 1 where nothing can be said, 2 where it has another. */
function hintRank({ extensions }: Certificate, wanted: Bytes | undefined): number {
  const own = extensions.subjectKeyIdentifier;
  if (own === undefined || wanted === undefined) return 1;
  return Buffer.compare(own, wanted) === 0 ? 0 : 2;
}
