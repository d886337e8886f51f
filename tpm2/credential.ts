import { createCipheriv, createHmac } from 'node:crypto';

import { type Bytes, concatBytes } from '#core/bytes.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';

import { kdfA } from './kdf.ts';
import type { PublicArea } from './public-area.ts';
import { shareSeed } from './secret-sharing.ts';
import { Writer } from './writer.ts';

export interface CredentialInput {
  /** The EK, rebuilt by the verifier from its certificate. A storage key: its symmetric algorithm is not NULL. */
  readonly ekPublic: PublicArea;
  /** Name of the AK, computed by the verifier from the AK's public area. */
  readonly akName: Bytes;
  /** At most a digest of the EK's nameAlg long. */
  readonly secret: Bytes;
  readonly random: RandomSource;
}

export interface Credential {
  /** TPM2B_ID_OBJECT, size included. */
  readonly credentialBlob: Bytes;
  /** TPM2B_ENCRYPTED_SECRET, size included. */
  readonly encryptedSecret: Bytes;
}

/**
 * A challenge that yields `secret` only to TPM2_ActivateCredential on the TPM that holds both the EK's private key and an object whose
 * Name is `akName` (TPM 2.0 Part 1 §24). Nothing here says what kind of key that object is: its public area does.
 * Throws Tpm2FormatError if the EK's key is not valid, RangeError if the secret is too long.
 */
export function makeCredential(input: CredentialInput): Credential {
  const { ekPublic, akName, secret, random } = input;
  const keyBits = storageKeyBits(ekPublic);
  const { seed, encryptedSecret } = shareSeed(ekPublic, 'IDENTITY', random);
  const blob = wrapSecret({ hash: ekPublic.nameAlg, keyBits, seed, akName, secret });
  return {
    credentialBlob: new Writer().sized(blob).finish(),
    encryptedSecret: new Writer().sized(encryptedSecret).finish(),
  };
}

interface WrapInput {
  readonly hash: HashName;
  readonly keyBits: 128 | 256;
  readonly seed: Bytes;
  readonly akName: Bytes;
  readonly secret: Bytes;
}

/** TPMS_ID_OBJECT: `secret` encrypted and authenticated under keys derived from `seed` and `akName`. */
export function wrapSecret({ hash, keyBits, seed, akName, secret }: WrapInput): Bytes {
  const none = new Uint8Array();
  const bits = DIGEST_SIZE[hash] * 8;
  if (secret.byteLength > DIGEST_SIZE[hash]) throw new RangeError('a credential secret is at most a digest long');
  const symmetricKey = kdfA({ hash, key: seed, label: 'STORAGE', contextU: akName, contextV: none, bits: keyBits });
  const hmacKey = kdfA({ hash, key: seed, label: 'INTEGRITY', contextU: none, contextV: none, bits });
  const cipher = createCipheriv(`aes-${keyBits}-cfb`, symmetricKey, new Uint8Array(16));
  const encIdentity = concatBytes(cipher.update(new Writer().sized(secret).finish()), cipher.final());
  const integrity = createHmac(hash, hmacKey).update(encIdentity).update(akName).digest();
  return new Writer().sized(integrity).bytes(encIdentity).finish();
}

function storageKeyBits(area: PublicArea): 128 | 256 {
  if (area.type === 'keyedhash' || area.symmetric.kind === 'null') {
    throw new TypeError('a credential is made for a storage key');
  }
  return area.symmetric.keyBits;
}
