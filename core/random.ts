import { randomBytes } from 'node:crypto';

/** Cryptographically secure random bytes, as a capability: `length` bytes on return. */
export type RandomSource = (length: number) => Uint8Array;

/** The operating system's generator, through OpenSSL. */
export const systemRandom: RandomSource = (length) => randomBytes(length);

/** Bytes drawn at a time: a call of the generator costs as much for these as for sixteen. */
const POOL_BYTES = 4_096;

/**
 * A source over `generator` that asks it for more than one answer's worth at a time. Each byte is given out once, and forgotten by the pool
 * when it is; longer answers than the pool are the generator's own.
 */
export function pooledRandom(generator: RandomSource = systemRandom): RandomSource {
  let pool: Uint8Array = new Uint8Array();
  let next = 0;
  return (length) => {
    if (length > POOL_BYTES) return generator(length);
    if (next + length > pool.byteLength) {
      pool = generator(POOL_BYTES);
      next = 0;
    }
    const given = new Uint8Array(length);
    given.set(pool.subarray(next, next + length));
    pool.fill(0, next, next + length);
    next += length;
    return given;
  };
}
