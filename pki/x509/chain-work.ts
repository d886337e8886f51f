import type { Bytes } from '#core/bytes.ts';

import type { AlgorithmIdentifier } from './algorithm.ts';
import type { Certificate } from './certificate.ts';
import { type ComparisonBudget, comparisonBudget } from './name-constraints.ts';
import type { SignaturePolicy } from './signature-policy.ts';
import { type SignatureVerdict, verifySignature } from './signature.ts';

/** Something that was signed: a certificate, or a CRL. */
export interface Signed {
  readonly tbs: Bytes;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Bytes;
}

/** Candidates looked at before giving up: enough for any honest bundle, and far from what a crafted one can cost. */
const CANDIDATES_MAX = 1_000;
/** Complete paths validated before giving up. */
const PATHS_MAX = 32;

/** The work that one decision may still cause. Each signature is checked once under each key, whatever the number of paths through it. */
export class ChainWork {
  readonly #policy: SignaturePolicy;
  readonly #verdicts = new Map<Signed, Map<string, SignatureVerdict>>();
  #signaturesLeft: number;
  #candidatesLeft = CANDIDATES_MAX;
  #pathsLeft = PATHS_MAX;
  #signatureChecks = 0;
  /** For the name constraints of every path together. */
  readonly comparisons: ComparisonBudget = comparisonBudget();

  constructor(policy: SignaturePolicy, maxSignatureChecks: number) {
    this.#policy = policy;
    this.#signaturesLeft = maxSignatureChecks;
  }

  /** Public key operations done so far. */
  get signatureChecks(): number {
    return this.#signatureChecks;
  }

  /** False once no further candidate may be looked at. */
  takeCandidate(): boolean {
    this.#candidatesLeft -= 1;
    return this.#candidatesLeft >= 0;
  }

  /** False once no further complete path may be validated. */
  takePath(): boolean {
    this.#pathsLeft -= 1;
    return this.#pathsLeft >= 0;
  }

  /** Whether `issuer`'s key signed `signed`; `exhausted` when that would take one operation too many. */
  verify(signed: Signed, issuer: Certificate): SignatureVerdict | 'exhausted' {
    const key = Buffer.from(issuer.publicKey.raw).toString('latin1');
    const known = this.#verdicts.get(signed)?.get(key);
    if (known !== undefined) return known;
    if (this.#signaturesLeft === 0) return 'exhausted';
    this.#signaturesLeft -= 1;
    this.#signatureChecks += 1;
    const verdict = verifySignature({
      algorithm: signed.signatureAlgorithm,
      spki: issuer.publicKey,
      data: signed.tbs,
      signature: signed.signature,
      policy: this.#policy,
    });
    const bySigned = this.#verdicts.get(signed) ?? new Map<string, SignatureVerdict>();
    this.#verdicts.set(signed, bySigned.set(key, verdict));
    return verdict;
  }
}
