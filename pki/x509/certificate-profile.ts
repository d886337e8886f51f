import { hasAltNameSyntax } from './alt-name-syntax.ts';
import { type Certificate, certificateSerial } from './certificate.ts';
import { sameName } from './name-compare.ts';
import { EXTENSION } from './oids.ts';

/** A demand of RFC 5280 §4 on the certificates of a conforming CA. */
export type ProfileRule =
  | 'version'
  | 'serial'
  | 'time-form'
  | 'issuer-empty'
  | 'subject-empty'
  | 'alt-name-critical'
  | 'alt-name-syntax'
  | 'authority-key-identifier'
  | 'subject-key-identifier'
  | 'basic-constraints'
  | 'key-usage'
  | 'ca-extension-on-leaf'
  | 'must-be-critical'
  | 'must-not-be-critical';

const SERIAL_MAX_BYTES = 20;

const NEVER_CRITICAL: readonly string[] = [
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.subjectDirectoryAttributes,
  EXTENSION.freshestCrl,
  EXTENSION.authorityInfoAccess,
  EXTENSION.subjectInfoAccess,
];
const ALWAYS_CRITICAL: readonly string[] = [
  EXTENSION.nameConstraints,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
];
const CA_ONLY: readonly string[] = [...ALWAYS_CRITICAL, EXTENSION.policyMappings];

/**
 * The first demand of RFC 5280 §4 that `certificate` does not meet; undefined when it meets all of those listed in ProfileRule. Path validation
 * (§6) alone forgives these; a certificate that breaks them was not made by a conforming CA. `isIssuer`: it issued another one in the path.
 */
export function profileViolation(certificate: Certificate, isIssuer: boolean): ProfileRule | undefined {
  const isCa = isIssuer || certificate.extensions.basicConstraints?.ca === true;
  return (
    fieldViolation(certificate, isCa) ??
    altNameViolation(certificate) ??
    keyIdentifierViolation(certificate, isCa) ??
    (isCa ? caViolation(certificate) : leafViolation(certificate)) ??
    criticalityViolation(certificate)
  );
}

/** §4.1.2.1, §4.1.2.2, §4.1.2.4 to §4.1.2.6. */
function fieldViolation(certificate: Certificate, isCa: boolean): ProfileRule | undefined {
  const { version, serial, issuer, subject, timesInDueForm } = certificate;
  if (version !== 3) return 'version';
  if (serial.byteLength > SERIAL_MAX_BYTES || certificateSerial(certificate) === undefined) return 'serial';
  if (!timesInDueForm) return 'time-form';
  if (issuer.rdns.length === 0) return 'issuer-empty';
  return isCa && subject.rdns.length === 0 ? 'subject-empty' : undefined;
}

/** §4.1.2.6, §4.2.1.6. */
function altNameViolation({ subject, extensions }: Certificate): ProfileRule | undefined {
  const names = extensions.subjectAltName;
  if (subject.rdns.length === 0) {
    if (names === undefined) return 'subject-empty';
    if (extensions.all.get(EXTENSION.subjectAltName)?.critical !== true) return 'alt-name-critical';
  }
  return names?.every(hasAltNameSyntax) === false ? 'alt-name-syntax' : undefined;
}

/** §4.2.1.1, §4.2.1.2. A self-issued CA may leave the authority's identifier out: it may be self-signed. */
function keyIdentifierViolation({ issuer, subject, extensions }: Certificate, isCa: boolean): ProfileRule | undefined {
  const authority = extensions.authorityKeyIdentifier;
  const mayBeAbsent = isCa && sameName(issuer, subject);
  if (authority === undefined ? !mayBeAbsent : authority.keyIdentifier === undefined) return 'authority-key-identifier';
  return isCa && extensions.subjectKeyIdentifier === undefined ? 'subject-key-identifier' : undefined;
}

/** §4.2.1.3, §4.2.1.9. Whether the usage suits what the CA signed is for path validation. */
function caViolation({ extensions }: Certificate): ProfileRule | undefined {
  const { basicConstraints, keyUsage, all } = extensions;
  const isCritical = all.get(EXTENSION.basicConstraints)?.critical === true;
  if (basicConstraints?.ca !== true || !isCritical) return 'basic-constraints';
  return keyUsage === undefined ? 'key-usage' : undefined;
}

/** §4.2.1.3, §4.2.1.9, §4.2.1.10. */
function leafViolation({ extensions }: Certificate): ProfileRule | undefined {
  if (extensions.basicConstraints?.pathLength !== undefined) return 'basic-constraints';
  if (extensions.keyUsage?.has('keyCertSign') === true) return 'key-usage';
  return CA_ONLY.some((oid) => extensions.all.has(oid)) ? 'ca-extension-on-leaf' : undefined;
}

/** §4.2.1.1, §4.2.1.2, §4.2.1.8, §4.2.1.10, §4.2.1.11, §4.2.1.14, §4.2.1.15, §4.2.2.1. */
function criticalityViolation({ extensions }: Certificate): ProfileRule | undefined {
  if (NEVER_CRITICAL.some((oid) => extensions.all.get(oid)?.critical === true)) return 'must-not-be-critical';
  return ALWAYS_CRITICAL.some((oid) => extensions.all.get(oid)?.critical === false) ? 'must-be-critical' : undefined;
}
