import type { Curve } from './ecdsa-digest.ts';

/** p ≡ 2^256 − 2^224 + 2^192 + 2^96 − 1, and the like (SP 800-186 §3.2.1); `a` is −3 but for secp256k1 (SEC 2 §2.4.1). */
const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P384 = 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
const P521 = 2n ** 521n - 1n;
const SECP256K1 = 2n ** 256n - 2n ** 32n - 977n;

/** Curves of keys that sign files, by their JOSE names. */
export const CURVES: ReadonlyMap<string, Curve> = new Map([
  [
    'P-256',
    {
      openSsl: 'prime256v1',
      p: P256,
      a: P256 - 3n,
      n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
      size: 32,
    },
  ],
  [
    'P-384',
    {
      openSsl: 'secp384r1',
      p: P384,
      a: P384 - 3n,
      n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
      size: 48,
    },
  ],
  [
    'P-521',
    {
      openSsl: 'secp521r1',
      p: P521,
      a: P521 - 3n,
      n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
      size: 66,
    },
  ],
  [
    'secp256k1',
    {
      openSsl: 'secp256k1',
      p: SECP256K1,
      a: 0n,
      n: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
      size: 32,
    },
  ],
]);
