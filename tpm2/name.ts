import { type Bytes, concatBytes } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';

import { algOfHash } from './constants.ts';
import { Writer } from './writer.ts';

/** The Name of an object or NV index: the algorithm, then the digest of its public area's exact bytes (TPM 2.0 Part 1 §16). */
export function objectName(publicBytes: Bytes, nameAlg: HashName): Bytes {
  return new Writer().u16(algOfHash(nameAlg)).bytes(digest(nameAlg, publicBytes)).finish();
}

/**
 * The Qualified Name of the object `name` of algorithm `nameAlg` below `parent`: a hierarchy's handle for a primary object, otherwise
 * the parent's own Qualified Name.
 */
export function qualifiedName(parent: number | Bytes, name: Bytes, nameAlg: HashName): Bytes {
  return objectName(concatBytes(typeof parent === 'number' ? handleName(parent) : parent, name), nameAlg);
}

/** The Name of a permanent, PCR or session handle: the handle itself, four bytes. */
export function handleName(handle: number): Bytes {
  return new Writer().u32(handle).finish();
}
