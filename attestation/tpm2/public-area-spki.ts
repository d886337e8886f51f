import { type Bytes, concatBytes } from '#core/bytes.ts';
import { bitString, integer, nullValue, oid, sequence, unsignedInteger } from '#pki/x509/der-writer.ts';
import { CURVE_OID, KEY_ALGORITHM } from '#pki/x509/oids.ts';
import { CURVE, type CurveName } from '#tpm2/constants.ts';
import type { PublicArea } from '#tpm2/public-area.ts';
import { leftPad } from '#tpm2/public-key.ts';

const RSA = sequence(oid(KEY_ALGORITHM.rsaEncryption), nullValue());
const ECC: Readonly<Record<CurveName, Bytes>> = {
  'P-256': sequence(oid(KEY_ALGORITHM.ecPublicKey), oid(CURVE_OID['P-256'])),
  'P-384': sequence(oid(KEY_ALGORITHM.ecPublicKey), oid(CURVE_OID['P-384'])),
  'P-521': sequence(oid(KEY_ALGORITHM.ecPublicKey), oid(CURVE_OID['P-521'])),
};
const UNCOMPRESSED = Buffer.of(4);
const DEFAULT_EXPONENT = 65_537;

/**
 * DER SubjectPublicKeyInfo of the key in `area`, in its plain form: the same bytes as `publicAreaSpki`, at a tenth of the cost, because the
 * key is not imported. So nothing is established about it: a point may lie off its curve.
 */
export function plainSpkiOf(area: Extract<PublicArea, { type: 'rsa' | 'ecc' }>): Bytes {
  if (area.type === 'rsa') {
    const exponent = integer(area.exponent === 0 ? DEFAULT_EXPONENT : area.exponent);
    return sequence(RSA, bitString(sequence(unsignedInteger(area.modulus), exponent)));
  }
  const { size } = CURVE[area.curve];
  return sequence(ECC[area.curve], bitString(concatBytes(UNCOMPRESSED, leftPad(area.x, size), leftPad(area.y, size))));
}
