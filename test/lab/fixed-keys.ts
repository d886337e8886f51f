import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';

import { toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';

/** The P-256 private key that belongs to `label`: the same in every run, and known to everybody. */
export function fixedKey(label: string): KeyObject {
  const ecdh = createECDH('prime256v1');
  const secret = sha256(utf8(`muster test key: ${label}`));
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey();
  const [x, y, d] = [point.subarray(1, 33), point.subarray(33), secret].map(toBase64Url);
  if (x === undefined || y === undefined || d === undefined) throw new Error('no key');
  return createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y, d } });
}

/** Bytes that look random and are the same in every run: hashes of `label` and a counter. At most 32 at once. */
export function fixedRandom(label: string): RandomSource {
  let counter = 0;
  return (length) => {
    counter += 1;
    return sha256(utf8(`muster test random: ${label} ${counter}`)).subarray(0, length);
  };
}
