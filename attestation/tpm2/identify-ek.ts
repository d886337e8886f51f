import type { Bytes } from '#core/bytes.ts';
import type { EkFingerprint } from '#core/ids.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';

import { isDenial } from '../denial.ts';
import type { Denial } from '../result.ts';
import { readEndorsementKey } from './endorsement-key.ts';

export type ClaimedEk =
  | { readonly ok: true; readonly fingerprint: EkFingerprint }
  | { readonly ok: false; readonly denial: Denial };

/**
 * The fingerprint of the EK that a caller claims, to look its enrolment up before any cryptography. Nobody has proven anything:
 * EK public keys are no secret.
 */
export function identifyEk(ekPublic: Bytes): ClaimedEk {
  try {
    const ek = readEndorsementKey(ekPublic);
    return isDenial(ek) ? { ok: false, denial: ek } : { ok: true, fingerprint: ek.fingerprint };
  } catch (error) {
    if (!(error instanceof Tpm2FormatError)) throw error;
    return { ok: false, denial: { code: 'evidence-malformed', detail: error.message } };
  }
}
