import type { Bytes } from '#core/bytes.ts';

import { hasNullParameters } from './algorithm.ts';
import { DerReader } from './der-reader.ts';
import { CURVE_OID, KEY_ALGORITHM } from './oids.ts';
import type { SubjectPublicKeyInfo } from './spki.ts';

export type CurveName = keyof typeof CURVE_OID;

/** A public key by type, with the values that policy is about. */
export type PublicKey =
  /** `restriction` is the algorithm the key is limited to by its identifier, where it is not rsaEncryption. */
  | {
      readonly type: 'rsa';
      readonly restriction: 'none' | 'pss' | 'oaep';
      /** Big-endian, no leading zero byte. */
      readonly modulus: Bytes;
      readonly modulusBits: number;
      /** Big-endian, no leading zero byte. */
      readonly exponent: Bytes;
    }
  /** `point` is the uncompressed point; whether it lies on the curve is known once the key was imported. */
  | { readonly type: 'ec'; readonly curve: CurveName; readonly point: Bytes }
  | { readonly type: 'ed25519' }
  | { readonly type: 'unsupported'; readonly oid: string };

const COORDINATE_SIZE: Readonly<Record<CurveName, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };
const CURVE_BY_OID: ReadonlyMap<string, CurveName> = new Map<string, CurveName>([
  [CURVE_OID['P-256'], 'P-256'],
  [CURVE_OID['P-384'], 'P-384'],
  [CURVE_OID['P-521'], 'P-521'],
]);

/**
 * The key in `spki`. Throws X509FormatError where the algorithm is known and its parameters or key are malformed; an algorithm or a curve
 * that is not known is `unsupported`. Says nothing about strength: see `keyDenial`.
 */
export function parsePublicKey(spki: SubjectPublicKeyInfo): PublicKey {
  const { oid } = spki.algorithm;
  switch (oid) {
    case KEY_ALGORITHM.rsaEncryption:
      if (!hasNullParameters(spki.algorithm)) throw keyReader(spki).fail('bad-value');
      return { type: 'rsa', restriction: 'none', ...readRsaKey(spki) };
    case KEY_ALGORITHM.rsassaPss:
      return { type: 'rsa', restriction: 'pss', ...readRsaKey(spki) };
    case KEY_ALGORITHM.rsaesOaep:
      return { type: 'rsa', restriction: 'oaep', ...readRsaKey(spki) };
    case KEY_ALGORITHM.ecPublicKey:
      return readEcKey(spki);
    case KEY_ALGORITHM.ed25519:
      if (spki.algorithm.parameters !== undefined || spki.key.byteLength !== 32)
        throw keyReader(spki).fail('bad-value');
      return { type: 'ed25519' };
    default:
      return { type: 'unsupported', oid };
  }
}

const keyReader = (spki: SubjectPublicKeyInfo): DerReader => new DerReader(spki.key, 'subjectPublicKey');

/** RSAPublicKey (RFC 8017 §A.1.1). */
function readRsaKey(spki: SubjectPublicKeyInfo): { modulus: Bytes; modulusBits: number; exponent: Bytes } {
  const outer = keyReader(spki);
  const inner = outer.sequence();
  outer.end();
  const modulus = inner.unsignedInteger();
  const exponent = inner.unsignedInteger();
  inner.end();
  const modulusBits = modulus.byteLength * 8 - (Math.clz32(modulus[0] ?? 0) - 24);
  return { modulus, modulusBits, exponent };
}

/** RFC 5480 §2.1.1, §2.2: a named curve, and the point uncompressed at its full length. */
function readEcKey(spki: SubjectPublicKeyInfo): PublicKey {
  if (spki.algorithm.parameters === undefined) throw keyReader(spki).fail('bad-value');
  const parameters = new DerReader(spki.algorithm.parameters, 'ECParameters');
  const curveOid = parameters.oid();
  const curve = CURVE_BY_OID.get(curveOid);
  if (curve === undefined) return { type: 'unsupported', oid: curveOid };
  const point = spki.key;
  if (point[0] !== 4 || point.byteLength !== 1 + 2 * COORDINATE_SIZE[curve]) throw keyReader(spki).fail('bad-value');
  return { type: 'ec', curve, point };
}
