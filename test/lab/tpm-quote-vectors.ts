import { fromHex } from '#core/bytes.ts';
import { isDenial } from '#attestation/denial.ts';
import type { DenialCode } from '#attestation/result.ts';
import { type AttestationKey, readAttestationKey } from '#attestation/tpm2/attestation-key.ts';
import { type QuoteInput, verifyQuote } from '#attestation/tpm2/verify-quote.ts';

import { vectorJson } from './vectors.ts';

/** A quote as the vectors have it: hex, and the PCR values under one of three names. */
export interface QuoteVector {
  readonly akPublic: string;
  readonly attest: string;
  readonly signature: string;
  readonly nonce: string;
  readonly pcrs?: Readonly<Record<string, string>>;
  readonly pcrs_sha256?: Readonly<Record<string, string>>;
  readonly claimedPcrs?: Readonly<Record<string, string>>;
}

export const QUOTE_VECTORS = vectorJson<Readonly<Record<string, QuoteVector>>>('generated-swtpm/quotes.json');

/** The entry `name` of quotes.json. */
export function quoteVector(name: string): QuoteVector {
  const vector = QUOTE_VECTORS[name];
  if (vector === undefined) throw new RangeError(`no quote ${name}`);
  return vector;
}

/** What swtpm's good quotes cover. */
export const VECTOR_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14];

/** A vector as `verifyQuote` takes it, asked for `pcrs` of the SHA-256 bank. */
export function quoteInput(vector: QuoteVector, pcrs = VECTOR_PCRS, ak: AttestationKey = vectorAk(vector)): QuoteInput {
  return {
    ak,
    quoted: fromHex(vector.attest),
    signature: fromHex(vector.signature),
    qualifyingData: fromHex(vector.nonce),
    bank: 'sha256',
    pcrs,
    claimedPcrs: { sha256: vector.pcrs ?? vector.pcrs_sha256 ?? vector.claimedPcrs ?? {} },
  };
}

/** The vector's AK, which must be a safe one. */
export function vectorAk(vector: Pick<QuoteVector, 'akPublic'>): AttestationKey {
  const ak = readAttestationKey(fromHex(vector.akPublic));
  if (isDenial(ak)) throw new Error(ak.code);
  return ak;
}

/** Why `verifyQuote` refuses, or `accepted`. */
export function quoteVerdict(input: QuoteInput): DenialCode | 'accepted' {
  const verified = verifyQuote(input);
  return isDenial(verified) ? verified.code : 'accepted';
}
