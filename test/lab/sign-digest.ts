import { createECDH, type KeyObject } from 'node:crypto';

import { sequence, unsignedInteger } from '#pki/x509/der-writer.ts';

/** The order of P-256's group (SEC 2, 2.4.2). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const SIZE = 32;

/**
 * ECDSA P-256 over a digest of 32 bytes as it is, in ASN.1 (FIPS 186-5 §6.4.1): the runtime's own signatures hash what they sign. Not in
 * constant time, so for keys of the laboratory alone.
 */
export function signDigest(key: KeyObject, digest: Uint8Array): Buffer {
  const { d = '' } = key.export({ format: 'jwk' });
  const secret = numberOf(Buffer.from(d, 'base64url'));
  const once = createECDH('prime256v1');
  once.generateKeys();
  const nonce = numberOf(once.getPrivateKey());
  // Uncompressed: one byte of form, then x, then y.
  const r = numberOf(once.getPublicKey().subarray(1, 1 + SIZE)) % ORDER;
  const s = (inverse(nonce) * (numberOf(digest) + r * secret)) % ORDER;
  return sequence(unsignedInteger(bytesOf(r)), unsignedInteger(bytesOf(s)));
}

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytesOf = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * SIZE, '0'), 'hex');

/** Modulo the group's order, by Euclid. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value % ORDER, ORDER, 1n, 0n];
  while (a !== 0n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return ((y % ORDER) + ORDER) % ORDER;
}
