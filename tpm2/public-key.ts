import { createPublicKey, type KeyObject } from 'node:crypto';

import { type Bytes, concatBytes, toBase64Url } from '#core/bytes.ts';

import { CURVE } from './constants.ts';
import { Tpm2FormatError } from './format-error.ts';
import type { EccPublicArea, PublicArea, RsaPublicArea } from './public-area.ts';

/**
 * The key of a public area. On return an RSA modulus has exactly `keyBits` bits and is odd, and its exponent is odd and at least 3; an
 * ECC point lies on its curve and is not the point at infinity. Anything else, and a keyed-hash object, is a Tpm2FormatError 'bad-value'.
 */
export function publicAreaKey(area: PublicArea): KeyObject {
  switch (area.type) {
    case 'rsa':
      return rsaKey(area);
    case 'ecc':
      return eccKey(area);
    case 'keyedhash':
      throw notAKey();
  }
}

/** DER SubjectPublicKeyInfo of a public area's key, valid as `publicAreaKey` says: rsaEncryption, or a named curve's uncompressed point. */
export function publicAreaSpki(area: PublicArea): Bytes {
  return publicAreaKey(area).export({ type: 'spki', format: 'der' });
}

/** `value` with leading zeros up to `size` bytes. Throws Tpm2FormatError if it is longer. */
export function leftPad(value: Bytes, size: number): Bytes {
  if (value.byteLength > size) throw new Tpm2FormatError('size-out-of-range', 0, 'field element');
  return concatBytes(new Uint8Array(size - value.byteLength), value);
}

function rsaKey(area: RsaPublicArea): KeyObject {
  const { modulus, keyBits } = area;
  const exponent = area.exponent === 0 ? 65537 : area.exponent;
  const first = modulus[0] ?? 0;
  const last = modulus.at(-1) ?? 0;
  if (modulus.byteLength * 8 !== keyBits || first < 0x80 || last % 2 === 0) throw notAKey();
  if (exponent < 3 || exponent % 2 === 0) throw notAKey();
  return createPublicKey({
    format: 'jwk',
    key: { kty: 'RSA', n: toBase64Url(modulus), e: toBase64Url(integer(exponent)) },
  });
}

function eccKey(area: EccPublicArea): KeyObject {
  const { size } = CURVE[area.curve];
  const x = toBase64Url(leftPad(area.x, size));
  const y = toBase64Url(leftPad(area.y, size));
  try {
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: area.curve, x, y } });
  } catch {
    // OpenSSL refuses a point off the curve; (0, 0), as infinity is written, is off each of these curves.
    throw notAKey();
  }
}

function integer(value: number): Bytes {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

function notAKey(): Tpm2FormatError {
  return new Tpm2FormatError('bad-value', 0, 'public key');
}
