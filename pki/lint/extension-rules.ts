import { EXTENSION, KEY_PURPOSE } from '../x509/oids.ts';
import { isKnownExtension } from '../x509/certificate-extensions.ts';
import type { CertificateView } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

/** Extensions that conforming CAs mark one way alone (RFC 5280; SHOULD is taken as MUST). */
const CRITICALITY: readonly (readonly [name: string, oid: string, critical: boolean, clause: string])[] = [
  ['authority-key-identifier', EXTENSION.authorityKeyIdentifier, false, '§4.2.1.1'],
  ['subject-key-identifier', EXTENSION.subjectKeyIdentifier, false, '§4.2.1.2'],
  ['key-usage', EXTENSION.keyUsage, true, '§4.2.1.3'],
  ['policy-mappings', EXTENSION.policyMappings, true, '§4.2.1.5'],
  ['issuer-alt-name', EXTENSION.issuerAltName, false, '§4.2.1.7'],
  ['subject-directory-attributes', EXTENSION.subjectDirectoryAttributes, false, '§4.2.1.8'],
  ['name-constraints', EXTENSION.nameConstraints, true, '§4.2.1.10'],
  ['policy-constraints', EXTENSION.policyConstraints, true, '§4.2.1.11'],
  ['crl-distribution-points', EXTENSION.crlDistributionPoints, false, '§4.2.1.13'],
  ['inhibit-any-policy', EXTENSION.inhibitAnyPolicy, true, '§4.2.1.14'],
  ['freshest-crl', EXTENSION.freshestCrl, false, '§4.2.1.15'],
  ['authority-info-access', EXTENSION.authorityInfoAccess, false, '§4.2.2.1'],
  ['subject-info-access', '1.3.6.1.5.5.7.1.11', false, '§4.2.2.2'],
];

const CRITICALITY_RULES = CRITICALITY.map(([name, oid, critical, clause]): Rule<CertificateView> => {
  return {
    name: `${name}-${critical ? 'not-critical' : 'critical'}`,
    clause: `RFC 5280 ${clause}`,
    check: ({ certificate: { extensions } }) => {
      const found = extensions.all.get(oid);
      return broken(found !== undefined && found.critical !== critical, critical ? 'not critical' : 'critical');
    },
  };
});

/** Which extensions there are, and how they are marked (RFC 5280 §4.2). */
export const EXTENSION_RULES: readonly Rule<CertificateView>[] = [
  ...CRITICALITY_RULES,
  {
    name: 'ca-basic-constraints-not-critical',
    clause: 'RFC 5280 §4.2.1.9',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(isCa && extensions.all.get(EXTENSION.basicConstraints)?.critical !== true, 'not critical'),
  },
  {
    name: 'any-purpose-critical',
    clause: 'RFC 5280 §4.2.1.12',
    check: ({ certificate: { extensions } }) =>
      broken(
        extensions.extendedKeyUsage?.has(KEY_PURPOSE.any) === true &&
          extensions.all.get(EXTENSION.extendedKeyUsage)?.critical === true,
        'anyExtendedKeyUsage in a critical extension',
      ),
  },
  {
    name: 'unknown-critical-extension',
    clause: 'RFC 5280 §4.2',
    check: ({ certificate: { extensions } }) => {
      const unknown = [...extensions.all.values()].find(({ oid, critical }) => critical && !isKnownExtension(oid));
      return broken(unknown !== undefined, `extension ${unknown?.oid}`);
    },
  },
  {
    name: 'authority-key-identifier-missing',
    clause: 'RFC 5280 §4.2.1.1',
    // Only a self-signed CA may leave it out.
    check: ({ isSelfNamed, isCa, certificate: { extensions } }) =>
      broken(
        !(isSelfNamed && isCa) && !extensions.all.has(EXTENSION.authorityKeyIdentifier),
        'no authorityKeyIdentifier',
      ),
  },
  {
    name: 'authority-key-identifier-without-key',
    clause: 'RFC 5280 §4.2.1.1',
    check: ({ isSelfNamed, certificate: { extensions } }) => {
      const value = extensions.authorityKeyIdentifier;
      return broken(!isSelfNamed && value !== undefined && value.keyIdentifier === undefined, 'no keyIdentifier');
    },
  },
  {
    name: 'ca-subject-key-identifier-missing',
    clause: 'RFC 5280 §4.2.1.2',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(isCa && extensions.subjectKeyIdentifier === undefined, 'no subjectKeyIdentifier'),
  },
  {
    name: 'leaf-subject-key-identifier-missing',
    clause: 'RFC 5280 §4.2.1.2',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(!isCa && extensions.subjectKeyIdentifier === undefined, 'no subjectKeyIdentifier'),
  },
  {
    name: 'name-constraints-in-leaf',
    clause: 'RFC 5280 §4.2.1.10',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(!isCa && extensions.all.has(EXTENSION.nameConstraints), 'nameConstraints outside a CA certificate'),
  },
  {
    name: 'policy-mappings-in-leaf',
    clause: 'RFC 5280 §4.2.1.5',
    check: ({ isCa, certificate: { extensions } }) =>
      broken(!isCa && extensions.all.has(EXTENSION.policyMappings), 'policyMappings outside a CA certificate'),
  },
];
