import type { Bytes } from '#core/bytes.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { CURVE, RH } from '#tpm2/constants.ts';
import { type PublicArea, writePublicArea } from '#tpm2/public-area.ts';

import { createPrimary, type LoadedKey, readCapability } from './commands.ts';
import type { TpmDevice } from './device.ts';

/** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign: it signs what the TPM itself has made, and nothing else. */
const AK_ATTRIBUTES = 0x00050072;

const NOTHING: Bytes = new Uint8Array();
const BASE = {
  nameAlg: 'sha256',
  attributes: AK_ATTRIBUTES,
  authPolicy: NOTHING,
  symmetric: { kind: 'null' },
} as const;

const ECC_TEMPLATE: PublicArea = {
  type: 'ecc',
  ...BASE,
  scheme: { kind: 'ecdsa', hash: 'sha256' },
  curve: 'P-256',
  kdf: { kind: 'null' },
  x: NOTHING,
  y: NOTHING,
};

const RSA_TEMPLATE: PublicArea = {
  type: 'rsa',
  ...BASE,
  scheme: { kind: 'rsassa', hash: 'sha256' },
  keyBits: 2048,
  exponent: 0,
  modulus: NOTHING,
};

/**
 * The attestation key, loaded: a primary of the endorsement hierarchy, so the TPM makes the same key each time and nothing about it is
 * stored. In that hierarchy a quote shows the TPM's counters and firmware version unobscured. P-256, or RSA-2048 on a TPM without it.
 */
export async function loadAttestationKey(tpm: TpmDevice): Promise<LoadedKey> {
  const template = (await hasP256(tpm)) ? ECC_TEMPLATE : RSA_TEMPLATE;
  return createPrimary(tpm, RH.endorsement, writePublicArea(template));
}

async function hasP256(tpm: TpmDevice): Promise<boolean> {
  try {
    for await (const data of readCapability(tpm, 'curves', 0, 64)) {
      if (data.kind === 'curves' && data.values.includes(CURVE['P-256'].id)) return true;
    }
    return false;
  } catch (error) {
    // A TPM built without elliptic curves may refuse the question.
    if (error instanceof TpmResponseError) return false;
    throw error;
  }
}
