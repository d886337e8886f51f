import { constants, createECDH, publicEncrypt } from 'node:crypto';

import { type Bytes, concatBytes, utf8 } from '#core/bytes.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';

import { CURVE, type CurveName } from './constants.ts';
import { kdfE } from './kdf.ts';
import type { EccPublicArea, PublicArea, RsaPublicArea } from './public-area.ts';
import { leftPad, publicAreaKey } from './public-key.ts';
import { Writer } from './writer.ts';

/** A seed that only the TPM holding the recipient's private key can recover (TPM 2.0 Part 1, annexes B.10 and C.6). */
export interface SharedSeed {
  /** As long as a digest of the recipient's nameAlg, or of the hash in its own OAEP scheme. */
  readonly seed: Bytes;
  /** Content of TPM2B_ENCRYPTED_SECRET: an OAEP ciphertext, or an ephemeral TPMS_ECC_POINT. */
  readonly encryptedSecret: Bytes;
}

/** What the seed is for; part of what is authenticated. */
export type SecretLabel = 'IDENTITY' | 'DUPLICATE' | 'SECRET';

/**
 * A fresh seed, encrypted to the key in `recipient`, which is a decryption key of either type.
 * Throws Tpm2FormatError if the public key is not a valid one.
 */
export function shareSeed(recipient: PublicArea, label: SecretLabel, random: RandomSource): SharedSeed {
  switch (recipient.type) {
    case 'rsa':
      return shareByOaep(recipient, label, random);
    case 'ecc':
      return shareByEcdh(recipient, label, random);
    case 'keyedhash':
      throw new TypeError('a keyed-hash object receives no secrets');
  }
}

function shareByOaep(recipient: RsaPublicArea, label: SecretLabel, random: RandomSource): SharedSeed {
  const hash = oaepHash(recipient);
  const seed = random(DIGEST_SIZE[hash]);
  const encryptedSecret = publicEncrypt(
    {
      key: publicAreaKey(recipient),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash,
      oaepLabel: utf8(`${label}\0`),
    },
    seed,
  );
  return { seed, encryptedSecret };
}

/** The hash of a recipient's OAEP padding: its own scheme's, otherwise its nameAlg. */
function oaepHash({ scheme, nameAlg }: RsaPublicArea): HashName {
  return scheme.kind === 'oaep' ? scheme.hash : nameAlg;
}

function shareByEcdh(recipient: EccPublicArea, label: SecretLabel, random: RandomSource): SharedSeed {
  // For the check that the point is on the curve: ECDH with a point off it would leak the ephemeral key, and prove nothing.
  publicAreaKey(recipient);
  const { size, openssl } = CURVE[recipient.curve];
  const staticX = leftPad(recipient.x, size);
  const ecdh = createECDH(openssl);
  ecdh.setPrivateKey(randomScalar(recipient.curve, random));
  const point = ecdh.getPublicKey();
  const x = point.subarray(1, 1 + size);
  const y = point.subarray(1 + size);
  const z = leftPad(ecdh.computeSecret(concatBytes(Buffer.of(4), staticX, leftPad(recipient.y, size))), size);
  const hash = recipient.nameAlg;
  const seed = kdfE({ hash, z, label, contextU: x, contextV: staticX, bits: DIGEST_SIZE[hash] * 8 });
  return { seed, encryptedSecret: new Writer().sized(x).sized(y).finish() };
}

/** A private key, uniform in [1, n-1]: candidates as wide as the order, the ones out of range thrown away (FIPS 186-5 A.2.2). */
function randomScalar(curve: CurveName, random: RandomSource): Bytes {
  const { size, order } = CURVE[curve];
  const excess = size * 8 - order.toString(2).length;
  for (;;) {
    const candidate = Buffer.from(random(size));
    candidate[0] = (candidate[0] ?? 0) & (0xff >>> excess);
    const value = BigInt(`0x${candidate.toString('hex')}`);
    if (value > 0n && value < order) return candidate;
  }
}
