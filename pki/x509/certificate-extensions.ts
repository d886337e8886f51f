import type { Bytes } from '#core/bytes.ts';

import type { DerReader } from './der-reader.ts';
import { type AccessDescription, readInfoAccess } from './info-access.ts';
import { type DistributionPoint, readDistributionPoints } from './distribution-point.ts';
import { type Extension, readExtensions } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import {
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type KeyUsage,
  readAltNames,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsage,
  readKeyUsage,
} from './key-extensions.ts';
import { type NameConstraints, readNameConstraints } from './name-constraints-value.ts';
import { EXTENSION } from './oids.ts';
import {
  type PolicyConstraints,
  type PolicyInformation,
  type PolicyMapping,
  readCertificatePolicies,
  readInhibitAnyPolicy,
  readPolicyConstraints,
  readPolicyMappings,
} from './policy-values.ts';

/** The extensions of a certificate. A field is undefined when its extension is absent; a malformed one does not parse. */
export interface CertificateExtensions {
  /** Every extension by type, those without a field here included. */
  readonly all: ReadonlyMap<string, Extension>;
  readonly basicConstraints?: BasicConstraints;
  readonly keyUsage?: ReadonlySet<KeyUsage>;
  readonly extendedKeyUsage?: ReadonlySet<string>;
  readonly subjectAltName?: readonly GeneralName[];
  readonly issuerAltName?: readonly GeneralName[];
  readonly authorityKeyIdentifier?: AuthorityKeyIdentifier;
  readonly subjectKeyIdentifier?: Bytes;
  readonly nameConstraints?: NameConstraints;
  readonly certificatePolicies?: readonly PolicyInformation[];
  readonly policyMappings?: readonly PolicyMapping[];
  readonly policyConstraints?: PolicyConstraints;
  readonly inhibitAnyPolicy?: number;
  readonly crlDistributionPoints?: readonly DistributionPoint[];
  readonly freshestCrl?: readonly DistributionPoint[];
  readonly authorityInfoAccess?: readonly AccessDescription[];
  readonly subjectInfoAccess?: readonly AccessDescription[];
}

export const NO_EXTENSIONS: CertificateExtensions = { all: new Map() };

type Parsed = { -readonly [Field in keyof CertificateExtensions]?: CertificateExtensions[Field] };
type Parse = (into: Parsed, value: DerReader) => unknown;

const PARSERS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  [EXTENSION.basicConstraints, (into, value) => (into.basicConstraints = readBasicConstraints(value))],
  [EXTENSION.keyUsage, (into, value) => (into.keyUsage = readKeyUsage(value))],
  [EXTENSION.extendedKeyUsage, (into, value) => (into.extendedKeyUsage = readExtendedKeyUsage(value))],
  [EXTENSION.subjectAltName, (into, value) => (into.subjectAltName = readAltNames(value))],
  [EXTENSION.issuerAltName, (into, value) => (into.issuerAltName = readAltNames(value))],
  [
    EXTENSION.authorityKeyIdentifier,
    (into, value) => (into.authorityKeyIdentifier = readAuthorityKeyIdentifier(value)),
  ],
  [EXTENSION.subjectKeyIdentifier, (into, value) => (into.subjectKeyIdentifier = value.octetString())],
  [EXTENSION.nameConstraints, (into, value) => (into.nameConstraints = readNameConstraints(value))],
  [EXTENSION.certificatePolicies, (into, value) => (into.certificatePolicies = readCertificatePolicies(value))],
  [EXTENSION.policyMappings, (into, value) => (into.policyMappings = readPolicyMappings(value))],
  [EXTENSION.policyConstraints, (into, value) => (into.policyConstraints = readPolicyConstraints(value))],
  [EXTENSION.inhibitAnyPolicy, (into, value) => (into.inhibitAnyPolicy = readInhibitAnyPolicy(value))],
  [EXTENSION.crlDistributionPoints, (into, value) => (into.crlDistributionPoints = readDistributionPoints(value))],
  [EXTENSION.freshestCrl, (into, value) => (into.freshestCrl = readDistributionPoints(value))],
  [EXTENSION.authorityInfoAccess, (into, value) => (into.authorityInfoAccess = readInfoAccess(value))],
  [EXTENSION.subjectInfoAccess, (into, value) => (into.subjectInfoAccess = readInfoAccess(value))],
]);

/** Read so that a malformed one is refused; nothing acts on them, so that a critical one is unknown. */
const NOT_PROCESSED: ReadonlySet<string> = new Set<string>([
  EXTENSION.authorityInfoAccess,
  EXTENSION.subjectInfoAccess,
]);

/** True when path validation processes the extension, so that it may be critical (RFC 5280 §6.1.4 (o), §6.1.5 (f)). */
export const isKnownExtension = (oid: string): boolean => PARSERS.has(oid) && !NOT_PROCESSED.has(oid);

/** All of `reader` as the extensions of a certificate. Throws X509FormatError. */
export function readCertificateExtensions(reader: DerReader): CertificateExtensions {
  const into: Parsed = {};
  const all = readExtensions(reader, (oid, value) => {
    const parse = PARSERS.get(oid);
    if (parse === undefined) return undefined;
    parse(into, value);
    return true;
  });
  return { ...into, all };
}
