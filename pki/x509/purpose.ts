import type { KeyUsage } from './key-extensions.ts';
import { KEY_PURPOSE } from './oids.ts';

/** What to do with a certificate that does not state the wanted extended key purpose in so many words. */
export interface PurposeRule {
  readonly whenAbsent: 'accept' | 'refuse';
  readonly whenAny: 'accept' | 'refuse';
}

/** What the leaf must be good for, and what its issuers must be allowed to issue. */
export interface Purpose {
  /** Extended key purpose by OID; undefined asks for none. */
  readonly keyPurpose: string | undefined;
  readonly leaf: PurposeRule;
  /** Extended key purposes nest: an issuer that states some may issue for those alone. */
  readonly issuers: PurposeRule;
  /** Purposes that the leaf must not state besides. */
  readonly incompatible: ReadonlySet<string>;
  /** One of these at least, where the leaf states its key usage; empty asks for none. */
  readonly keyUsage: readonly KeyUsage[];
  readonly leafMayBeCa: boolean;
}

const STATED: PurposeRule = { whenAbsent: 'refuse', whenAny: 'refuse' };
const NOT_CONTRADICTED: PurposeRule = { whenAbsent: 'accept', whenAny: 'accept' };

/** Code signing, time stamping and OCSP signing: what a key for TLS has no business with. */
const SIGNING_PURPOSES: ReadonlySet<string> = new Set([
  '1.3.6.1.5.5.7.3.3',
  '1.3.6.1.5.5.7.3.8',
  KEY_PURPOSE.ocspSigning,
]);

/** TLS client, stated by the leaf. */
export const CLIENT_AUTH: Purpose = {
  keyPurpose: KEY_PURPOSE.clientAuth,
  leaf: STATED,
  issuers: NOT_CONTRADICTED,
  incompatible: SIGNING_PURPOSES,
  keyUsage: ['digitalSignature'],
  leafMayBeCa: false,
};

/** TLS server, stated by the leaf. The name of the server is for the caller to compare. */
export const SERVER_AUTH: Purpose = {
  ...CLIENT_AUTH,
  keyPurpose: KEY_PURPOSE.serverAuth,
  keyUsage: ['digitalSignature', 'keyEncipherment', 'keyAgreement'],
};

/** A TPM's endorsement key, stated by the leaf (tcg-kp-EKCertificate). */
export const EK_CERTIFICATE: Purpose = {
  ...CLIENT_AUTH,
  keyPurpose: KEY_PURPOSE.ekCertificate,
  keyUsage: ['keyEncipherment', 'keyAgreement'],
};

/** An endorsement key whose certificate may leave the purpose out (tpm.md item 23: cloud vTPM only). */
export const EK_CERTIFICATE_UNSTATED: Purpose = {
  ...EK_CERTIFICATE,
  leaf: { whenAbsent: 'accept', whenAny: 'refuse' },
};

/** Nothing is asked of the leaf but a valid path. */
export const ANY_PURPOSE: Purpose = {
  keyPurpose: undefined,
  leaf: NOT_CONTRADICTED,
  issuers: NOT_CONTRADICTED,
  incompatible: new Set(),
  keyUsage: [],
  leafMayBeCa: true,
};

/** True when `rule` lets a certificate with these extended key purposes (undefined: no extension) pass for `keyPurpose`. */
export function purposeAllowed(
  stated: ReadonlySet<string> | undefined,
  keyPurpose: string | undefined,
  rule: PurposeRule,
): boolean {
  if (keyPurpose === undefined) return true;
  if (stated === undefined) return rule.whenAbsent === 'accept';
  if (stated.has(keyPurpose)) return true;
  return rule.whenAny === 'accept' && stated.has(KEY_PURPOSE.any);
}
