import type { Bytes } from '#core/bytes.ts';

import type { Reader } from '../reader.ts';

/** Digest of a file, of a buffer, or of the appended-signature part of a module, as IMA records it. */
export interface ImaDigest {
  /** 'verity' for fs-verity's digest of a file; a digest of its contents otherwise. */
  readonly kind: 'ima' | 'verity';
  /** The kernel's name of the hash. */
  readonly algorithm: string;
  /** All zeros in a violation, and where there was nothing to hash. */
  readonly digest: Bytes;
}

/** Digest sizes in bytes by the kernel's names of its hashes (Linux, crypto/hash_info.c). */
const SIZE: ReadonlyMap<string, number> = new Map([
  ['md4', 16],
  ['md5', 16],
  ['sha1', 20],
  ['rmd160', 20],
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
  ['sha224', 28],
  ['rmd128', 16],
  ['rmd256', 32],
  ['rmd320', 40],
  ['wp256', 32],
  ['wp384', 48],
  ['wp512', 64],
  ['tgr128', 16],
  ['tgr160', 20],
  ['tgr192', 24],
  ['sm3', 32],
  ['sm3-256', 32],
  ['streebog256', 32],
  ['streebog512', 64],
  ['sha3-256', 32],
  ['sha3-384', 48],
  ['sha3-512', 64],
]);

/** In a violation the kernel has written this many zeros whatever the algorithm, and in newer versions as many as the algorithm's digest has. */
const VIOLATION_SIZE = 20;
const SHA1_SIZE = 20;
const MAX_PREFIX = 32;

interface DigestField {
  readonly field: 'd' | 'd-ng' | 'd-ngv2' | 'd-modsig';
  readonly length: number;
  readonly isViolation: boolean;
}

/**
 * A digest field of `length` bytes: `algorithm:` NUL digest, in version 2 `kind:algorithm:` NUL digest, in the oldest form a bare SHA-1
 * digest. The algorithm is one that the kernel knows and the digest has its size. Throws Tpm2FormatError.
 */
export function readFileDigest(reader: Reader, { field, length, isViolation }: DigestField): ImaDigest {
  if (field === 'd') {
    if (length !== SHA1_SIZE) throw reader.fail('size-out-of-range');
    return { kind: 'ima', algorithm: 'sha1', digest: reader.bytes(length) };
  }
  const prefix = readPrefix(reader, length);
  const colon = prefix.indexOf(':');
  const hasKind = colon !== -1;
  if (hasKind !== (field === 'd-ngv2')) throw reader.fail('bad-value');
  const kind = hasKind ? prefix.slice(0, colon) : 'ima';
  const algorithm = prefix.slice(colon + 1);
  const size = SIZE.get(algorithm);
  if ((kind !== 'ima' && kind !== 'verity') || size === undefined) throw reader.fail('unknown-selector');
  const digest = reader.bytes(length - prefix.length - 2);
  const { byteLength } = digest;
  if (byteLength !== size && !(isViolation && byteLength === VIOLATION_SIZE)) throw reader.fail('size-out-of-range');
  return { kind, algorithm, digest };
}

/** What stands before the colon and the NUL that end the prefix of a field of `length` bytes. */
function readPrefix(reader: Reader, length: number): string {
  let prefix = '';
  for (let left = Math.min(length, MAX_PREFIX); left > 0; left--) {
    const octet = reader.u8();
    if (octet !== 0) {
      prefix += String.fromCharCode(octet);
      continue;
    }
    if (!prefix.endsWith(':')) break;
    return prefix.slice(0, -1);
  }
  throw reader.fail('bad-value');
}
