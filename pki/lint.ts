import type { Bytes } from '#core/bytes.ts';

import { ALT_NAME_RULES } from './lint/alt-name-rules.ts';
import { type CertificateView, viewOf } from './lint/certificate-view.ts';
import { EXTENSION_RULES } from './lint/extension-rules.ts';
import { ISSUER_RULES } from './lint/issuer-rules.ts';
import { KEY_RULES } from './lint/key-rules.ts';
import { NAME_RULES } from './lint/name-rules.ts';
import { PURPOSE_RULES } from './lint/purpose-rules.ts';
import type { CertificatePurpose } from './lint/purpose.ts';
import { type Finding, findingsOf, type Rule } from './lint/rule.ts';
import { STRUCTURE_RULES } from './lint/structure-rules.ts';
import { type Certificate, parseCertificate } from './x509/certificate.ts';
import { X509FormatError } from './x509/format-error.ts';

/** What the rules of RFC 5280 ask of any certificate, and of one whose issuer is known. */
export const GENERAL_RULES: readonly Rule<CertificateView>[] = [
  ...STRUCTURE_RULES,
  ...NAME_RULES,
  ...KEY_RULES,
  ...EXTENSION_RULES,
  ...ALT_NAME_RULES,
  ...ISSUER_RULES,
];

export interface LintContext {
  /** Undefined: only what holds for any certificate is asked. */
  readonly purpose?: CertificatePurpose | undefined;
  /** The certificate whose key signs; for a self-signed one, itself. Undefined: nothing is asked about the relation. */
  readonly issuer?: Certificate | undefined;
}

/**
 * Everything that is wrong with the certificate `der`; nothing when it may be signed and handed out. Bytes that do not parse as a
 * certificate in strict DER are one finding, `malformed`. The signature is not looked at, and may be a placeholder.
 */
export function lintCertificate(der: Bytes, context: LintContext): readonly Finding[] {
  let certificate: Certificate;
  try {
    certificate = parseCertificate(der);
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return [{ rule: 'malformed', clause: 'RFC 5280 §4.1, X.690 §10', detail: error.message }];
  }
  return lintParsed(certificate, context);
}

/** Everything that is wrong with a certificate that has parsed. */
export function lintParsed(certificate: Certificate, { purpose, issuer }: LintContext): readonly Finding[] {
  const view = viewOf(certificate, issuer);
  const findings = findingsOf(GENERAL_RULES, view);
  return purpose === undefined ? findings : [...findings, ...findingsOf(PURPOSE_RULES[purpose], view)];
}
