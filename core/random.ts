import { randomBytes } from 'node:crypto';

/** Cryptographically secure random bytes, as a capability: `length` bytes on return. */
export type RandomSource = (length: number) => Uint8Array;

/** The operating system's generator, through OpenSSL. */
export const systemRandom: RandomSource = (length) => randomBytes(length);
