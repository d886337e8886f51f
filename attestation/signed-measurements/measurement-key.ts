import { createPublicKey, type KeyObject } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';
import { type SpkiFingerprint, spkiFingerprint } from '#core/ids.ts';
import type { TokenHeader } from '#protocol/measurements.ts';

/** How signatures of one type of key are made and how long they are (RFC 7518 §3.4, RFC 8037 §3.1). */
export interface SignatureForm {
  readonly alg: TokenHeader['alg'];
  /** Undefined for EdDSA, which hashes by itself. */
  readonly hash: 'sha256' | 'sha384' | undefined;
  readonly signatureBytes: number;
}

/** A key that a node may sign its measurements with. */
export interface MeasurementKey extends SignatureForm {
  /** SHA-256 of its SubjectPublicKeyInfo. */
  readonly id: SpkiFingerprint;
  readonly key: KeyObject;
}

const ES256: SignatureForm = { alg: 'ES256', hash: 'sha256', signatureBytes: 64 };
const ES384: SignatureForm = { alg: 'ES384', hash: 'sha384', signatureBytes: 96 };
const EDDSA: SignatureForm = { alg: 'EdDSA', hash: undefined, signatureBytes: 64 };

/** Longest SubjectPublicKeyInfo that is looked at: P-384's has 120 bytes. */
export const MEASUREMENT_KEY_MAX_BYTES = 256;

/**
 * The key in `spki`, with the one algorithm that it signs with; undefined where the bytes are not the one DER encoding of an EC key on
 * P-256 or P-384 with an uncompressed point, or of an Ed25519 key. There is no other kind of key, so no token can choose another algorithm.
 */
export function readMeasurementKey(spki: Bytes): MeasurementKey | undefined {
  if (spki.byteLength > MEASUREMENT_KEY_MAX_BYTES) return undefined;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  // One key, one name: another encoding of the same key would have another fingerprint.
  if (!equalBytes(key.export({ format: 'der', type: 'spki' }), spki)) return undefined;
  const form = signatureForm(key);
  return form === undefined ? undefined : { ...form, id: spkiFingerprint(spki), key };
}

function signatureForm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SignatureForm | undefined {
  if (asymmetricKeyType === 'ed25519') return EDDSA;
  if (asymmetricKeyType !== 'ec') return undefined;
  if (asymmetricKeyDetails?.namedCurve === 'prime256v1') return ES256;
  return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? ES384 : undefined;
}
