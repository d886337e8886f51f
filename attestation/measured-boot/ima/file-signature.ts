import { type Bytes, concatBytes, toHex } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import type { ImaRecord } from '#tpm2/ima-log.ts';
import type { ImaDigest } from '#tpm2/ima-log/file-digest.ts';
import { type ImaSignature, parseImaSignature } from '#tpm2/ima-log/signature.ts';

import type { SignatureKey } from './signature-key.ts';

/** Keys by the identifier that signatures name them with. */
export type SignatureKeys = ReadonlyMap<string, readonly SignatureKey[]>;

/** Failed signatures after which none is verified any more: by then the list is refused. */
const MAX_FAILURES = 16;

/**
 * A function that says whether a record has a file signature by one of `keys` over the digest in it: over the file's digest (version 2), or
 * over the structure that names a file's fs-verity digest (version 3). Portable EVM signatures cover metadata that a record does not have, and
 * appended signatures of modules have another form; neither counts.
 *
 * A list can name one file under many paths, and can be full of bad signatures: each signature is verified once, and after some failures no
 * more are. What is left to cost time is one verification for each distinct file that was really signed.
 */
export function signatureChecker(keys: SignatureKeys): (record: ImaRecord) => boolean {
  const verdicts = new Map<string, boolean>();
  let failures = 0;
  return ({ fields: { signature, digest: value } }) => {
    if (keys.size === 0 || signature === undefined || value === undefined) return false;
    const name = `${value.kind}:${value.algorithm}:${toHex(value.digest)}:${toHex(signature)}`;
    const known = verdicts.get(name);
    if (known !== undefined) return known;
    if (failures === MAX_FAILURES) return false;
    const verdict = isSignedBy(keys, signature, value);
    if (!verdict) failures += 1;
    verdicts.set(name, verdict);
    return verdict;
  };
}

function isSignedBy(keys: SignatureKeys, bytes: Bytes, value: ImaDigest): boolean {
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
