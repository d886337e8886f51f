import type { Bytes } from '#core/bytes.ts';
import type { EkFingerprint } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import { weakRsa } from '#pki/x509/weak-rsa.ts';
import { makeCredential } from '#tpm2/credential.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import type { PublicArea } from '#tpm2/public-area.ts';

import { isDenial } from '../denial.ts';
import type { Denial } from '../result.ts';
import { readAttestationKey } from './attestation-key.ts';
import { readEndorsementKey } from './endorsement-key.ts';

/** Bytes in an activation secret: as many as the smallest EK's name digest. */
export const ACTIVATION_SECRET_SIZE = 32;

export interface ActivationInput {
  /** TPMT_PUBLIC, as the caller sent it. */
  readonly ekPublic: Bytes;
  /** TPMT_PUBLIC, as the caller sent it. */
  readonly akPublic: Bytes;
  readonly random: RandomSource;
}

export type Activation =
  | {
      readonly ok: true;
      /** `ACTIVATION_SECRET_SIZE` random bytes; only the TPM with both keys can recover them. */
      readonly secret: Bytes;
      /** TPM2B_ID_OBJECT. */
      readonly credentialBlob: Bytes;
      /** TPM2B_ENCRYPTED_SECRET. */
      readonly encryptedSecret: Bytes;
      /** Of the EK it is encrypted to. */
      readonly ekFingerprint: EkFingerprint;
    }
  | { readonly ok: false; readonly denial: Denial };

/**
 * A challenge that only a TPM with this EK and this AK can answer. On `ok`, the EK has exactly a known template (`readEndorsementKey`),
 * the AK is safe to attest with (`readAttestationKey`), neither is an RSA key of a kind known to be broken (CVE-2017-15361 above all), and
 * the credential names the AK by a Name computed here: what the caller says the Name is plays no part.
 *
 * Nobody has proven anything yet: both keys are the caller's claim.
 */
export function buildActivation({ ekPublic, akPublic, random }: ActivationInput): Activation {
  try {
    const ek = readEndorsementKey(ekPublic);
    if (isDenial(ek)) return { ok: false, denial: ek };
    const ak = readAttestationKey(akPublic);
    if (isDenial(ak)) return { ok: false, denial: ak };
    const weak = checkStrength('EK', ek.area) ?? checkStrength('AK', ak.area);
    if (weak !== undefined) return { ok: false, denial: weak };
    const secret = random(ACTIVATION_SECRET_SIZE);
    if (secret.byteLength !== ACTIVATION_SECRET_SIZE) throw new RangeError('the random source gave too few bytes');
    const credential = makeCredential({ ekPublic: ek.area, akName: ak.name, secret, random });
    return { ok: true, secret, ...credential, ekFingerprint: ek.fingerprint };
  } catch (error) {
    if (!(error instanceof Tpm2FormatError)) throw error;
    return { ok: false, denial: { code: 'evidence-malformed', detail: error.message } };
  }
}

/** Here and not at the join: it costs as much as a signature, and the ticket seals both keys as they are now. */
function checkStrength(which: 'EK' | 'AK', area: PublicArea): Denial | undefined {
  const weakness = area.type === 'rsa' ? weakRsa(area.modulus) : undefined;
  return weakness === undefined
    ? undefined
    : { code: 'key-known-weak', found: weakness, detail: `the ${which}'s modulus` };
}
