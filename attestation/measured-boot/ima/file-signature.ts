import { type Bytes, concatBytes, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import type { ImaRecord } from '#tpm2/ima-log.ts';
import type { ImaDigest } from '#tpm2/ima-log/file-digest.ts';
import { type ImaSignature, parseImaSignature } from '#tpm2/ima-log/signature.ts';

import type { SignatureKey } from './signature-key.ts';

/** Keys by the identifier that signatures name them with. */
export type SignatureKeys = ReadonlyMap<string, readonly SignatureKey[]>;

/**
 * True if `record` has a file signature by one of `keys` over the digest in it: over the file's digest (version 2), or over the structure that
 * names a file's fs-verity digest (version 3). Portable EVM signatures cover metadata that a record does not have, and appended signatures of
 * modules have another form; neither counts.
 */
export function isSignedBy(keys: SignatureKeys, { fields: { signature: bytes, digest: value } }: ImaRecord): boolean {
  if (bytes === undefined || value === undefined) return false;
  const signature = parse(bytes);
  if (signature === undefined) return false;
  const signed = signedDigest(signature, value);
  if (signed === undefined) return false;
  const candidates = keys.get(toHex(signature.keyId)) ?? [];
  return candidates.some((key) => key.verifies(signature.hash, signed, signature.signature));
}

function parse(bytes: Bytes): ImaSignature | undefined {
  try {
    return parseImaSignature(bytes);
  } catch (error) {
    if (error instanceof Tpm2FormatError) return undefined;
    throw error;
  }
}

/** Linux, enum hash_algo. */
const HASH_ALGO: ReadonlyMap<HashName, number> = new Map([
  ['sha256', 4],
  ['sha384', 5],
  ['sha512', 6],
]);
const VERITY_TYPE = 0x06;

/** What the signature is over; undefined where it is over something else than the record's digest. */
function signedDigest({ kind, hash }: ImaSignature, value: ImaDigest): Bytes | undefined {
  const algorithm = HASH_ALGO.get(hash);
  if (algorithm === undefined || value.algorithm !== hash) return undefined;
  if (kind === 'ima' && value.kind === 'ima') return value.digest;
  if (kind !== 'verity' || value.kind !== 'verity') return undefined;
  // struct ima_file_id: type, algorithm, digest.
  return digest(hash, concatBytes(Buffer.of(VERITY_TYPE, algorithm), value.digest));
}
