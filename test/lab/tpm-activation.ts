import {
  constants,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';

import { type Bytes, concatBytes, equalBytes, toBase64Url, utf8 } from '#core/bytes.ts';
import { DIGEST_SIZE } from '#core/digest.ts';
import { CURVE } from '#tpm2/constants.ts';
import { kdfA, kdfE } from '#tpm2/kdf.ts';
import { leftPad } from '#tpm2/public-key.ts';
import { Reader } from '#tpm2/reader.ts';

import type { LabKey } from './tpm-keys.ts';

const NONE = new Uint8Array();

/**
 * TPM2_ActivateCredential: the secret, if the credential was made for this EK and for an object named `name`. Throws otherwise, as the TPM
 * answers TPM_RC_INTEGRITY.
 */
export function activateCredential(ek: LabKey, name: Bytes, credentialBlob: Bytes, encryptedSecret: Bytes): Bytes {
  const { area } = ek;
  if (area.type === 'keyedhash' || area.symmetric.kind === 'null') throw new TypeError('not a storage key');
  const hash = area.nameAlg;
  const seed = recoverSeed(ek, onlySized(encryptedSecret));
  const blob = new Reader(onlySized(credentialBlob), 'TPMS_ID_OBJECT');
  const integrity = blob.sized();
  const encIdentity = blob.rest();
  const bits = DIGEST_SIZE[hash] * 8;
  const hmacKey = kdfA({ hash, key: seed, label: 'INTEGRITY', contextU: NONE, contextV: NONE, bits });
  const expected = createHmac(hash, hmacKey).update(encIdentity).update(name).digest();
  if (!equalBytes(integrity, expected)) throw new Error('TPM_RC_INTEGRITY');
  const { keyBits } = area.symmetric;
  const key = kdfA({ hash, key: seed, label: 'STORAGE', contextU: name, contextV: NONE, bits: keyBits });
  const decipher = createDecipheriv(`aes-${keyBits}-cfb`, key, new Uint8Array(16));
  return onlySized(concatBytes(decipher.update(encIdentity), decipher.final()));
}

function recoverSeed({ area, privateKey }: LabKey, encrypted: Bytes): Bytes {
  if (area.type === 'rsa') {
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return privateDecrypt(
      { key: privateKey, padding, oaepHash: area.nameAlg, oaepLabel: utf8('IDENTITY\0') },
      encrypted,
    );
  }
  if (area.type !== 'ecc') throw new TypeError('not a storage key');
  const { size } = CURVE[area.curve];
  const point = new Reader(encrypted, 'TPMS_ECC_POINT');
  const x = leftPad(point.sized(), size);
  const y = leftPad(point.sized(), size);
  const publicKey = ephemeral(area.curve, x, y);
  const z = leftPad(diffieHellman({ privateKey, publicKey }), size);
  const hash = area.nameAlg;
  const contextV = leftPad(area.x, size);
  return kdfE({ hash, z, label: 'IDENTITY', contextU: x, contextV, bits: DIGEST_SIZE[hash] * 8 });
}

const ephemeral = (crv: string, x: Bytes, y: Bytes): KeyObject =>
  createPublicKey({ format: 'jwk', key: { kty: 'EC', crv, x: toBase64Url(x), y: toBase64Url(y) } });

function onlySized(bytes: Bytes): Bytes {
  const reader = new Reader(bytes, 'TPM2B');
  const content = reader.sized();
  reader.end();
  return content;
}
