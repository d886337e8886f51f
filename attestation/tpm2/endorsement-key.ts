import type { Bytes } from '#core/bytes.ts';
import { ekFingerprint, type EkFingerprint } from '#core/ids.ts';
import { matchEkTemplate } from '#tpm2/ek-template.ts';
import { objectName } from '#tpm2/name.ts';
import { parsePublicArea, type PublicArea } from '#tpm2/public-area.ts';

import type { Denial } from '../result.ts';
import { plainSpkiOf } from './public-area-spki.ts';

/** A key that can only open what is encrypted to its TPM. Whose TPM that is, its certificate or its enrolment says. */
export interface EndorsementKey {
  readonly area: Extract<PublicArea, { type: 'rsa' | 'ecc' }>;
  /** TPM Name, computed here from the public area. */
  readonly name: Bytes;
  /** DER SubjectPublicKeyInfo in its plain form. */
  readonly spki: Bytes;
  readonly fingerprint: EkFingerprint;
}

/**
 * On return `ekPublic` is one canonical TPMT_PUBLIC which, but for its unique field, is exactly one of the templates of the TCG EK
 * Credential Profile. So a real TPM that holds it uses it for activation and for nothing else: a caller who could
 * choose the attributes could open the credential with a key of another kind.
 *
 * It does not establish that a TPM holds the key, nor that the key is a valid one: `makeCredential` does. Throws Tpm2FormatError.
 */
export function readEndorsementKey(ekPublic: Bytes): EndorsementKey | Denial {
  const area = parsePublicArea(ekPublic);
  if (area.type === 'keyedhash' || matchEkTemplate(area) === undefined) {
    return {
      code: 'ek-template-unsafe',
      expected: 'a template of the TCG EK Credential Profile',
      found: `${area.type}, name ${area.nameAlg}, attributes ${area.attributes.toString(16).padStart(8, '0')}`,
    };
  }
  const spki = plainSpkiOf(area);
  return { area, name: objectName(ekPublic, area.nameAlg), spki, fingerprint: ekFingerprint(spki) };
}
