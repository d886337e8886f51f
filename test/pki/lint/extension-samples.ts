import type { Bytes } from '#core/bytes.ts';
import * as der from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EXTENSION, KEY_PURPOSE } from '#pki/x509/oids.ts';

import { type BadSample, withExtension, without } from './bad-sample.ts';

export const CRITICALITY_SAMPLES: readonly BadSample[] = [
  criticality(
    'authority-key-identifier-critical',
    EXTENSION.authorityKeyIdentifier,
    true,
    der.sequence(der.taggedPrimitive(0, Buffer.alloc(20, 1))),
  ),
  criticality(
    'subject-key-identifier-critical',
    EXTENSION.subjectKeyIdentifier,
    true,
    der.octetString(Buffer.alloc(20, 1)),
  ),
  criticality('key-usage-not-critical', EXTENSION.keyUsage, false, der.namedBits(0)),
  criticality(
    'policy-mappings-not-critical',
    EXTENSION.policyMappings,
    false,
    der.sequence(der.sequence(der.oid('1.2.3'), der.oid('1.2.4'))),
  ),
  criticality('issuer-alt-name-critical', EXTENSION.issuerAltName, true, der.sequence(write.dnsName('ca.example'))),
  criticality('subject-directory-attributes-critical', EXTENSION.subjectDirectoryAttributes, true, der.sequence()),
  criticality(
    'name-constraints-not-critical',
    EXTENSION.nameConstraints,
    false,
    der.sequence(der.tagged(0, der.sequence(write.dnsName('example')))),
  ),
  criticality(
    'policy-constraints-not-critical',
    EXTENSION.policyConstraints,
    false,
    der.sequence(der.taggedPrimitive(0, Buffer.of(0))),
  ),
  criticality('crl-distribution-points-critical', EXTENSION.crlDistributionPoints, true, distributionPoint()),
  criticality('inhibit-any-policy-not-critical', EXTENSION.inhibitAnyPolicy, false, der.integer(0)),
  criticality('freshest-crl-critical', EXTENSION.freshestCrl, true, distributionPoint()),
  criticality('authority-info-access-critical', EXTENSION.authorityInfoAccess, true, infoAccess()),
  criticality('subject-info-access-critical', EXTENSION.subjectInfoAccess, true, infoAccess()),
  {
    rule: 'ca-basic-constraints-not-critical',
    sample: 'CA:TRUE that may be ignored',
    purpose: 'node-root-ca',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.basicConstraints,
        write.extension(EXTENSION.basicConstraints, false, der.sequence(der.boolean(true))),
      ),
  },
  {
    rule: 'any-purpose-critical',
    sample: 'anyExtendedKeyUsage in a critical extension',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.extendedKeyUsage,
        write.extension(EXTENSION.extendedKeyUsage, true, der.sequence(der.oid(KEY_PURPOSE.any))),
      ),
  },
];

export const EXTENSION_SAMPLES: readonly BadSample[] = [
  {
    rule: 'unknown-critical-extension',
    sample: 'a critical extension that nobody knows',
    change: (good) => withExtension(good, '1.2.3.4', write.extension('1.2.3.4', true, der.nullValue())),
  },
  {
    rule: 'authority-key-identifier-missing',
    sample: 'no authorityKeyIdentifier',
    change: (good) => without(good, EXTENSION.authorityKeyIdentifier),
  },
  {
    rule: 'authority-key-identifier-without-key',
    sample: 'an empty authorityKeyIdentifier',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.authorityKeyIdentifier,
        write.extension(EXTENSION.authorityKeyIdentifier, false, der.sequence()),
      ),
  },
  {
    rule: 'ca-subject-key-identifier-missing',
    sample: 'a CA without subjectKeyIdentifier',
    purpose: 'node-root-ca',
    change: (good) => without(good, EXTENSION.subjectKeyIdentifier),
  },
  {
    rule: 'leaf-subject-key-identifier-missing',
    sample: 'a leaf without subjectKeyIdentifier',
    change: (good) => without(good, EXTENSION.subjectKeyIdentifier),
  },
  {
    rule: 'name-constraints-in-leaf',
    sample: 'nameConstraints on a leaf',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.nameConstraints,
        write.extension(
          EXTENSION.nameConstraints,
          true,
          der.sequence(der.tagged(0, der.sequence(write.dnsName('example')))),
        ),
      ),
  },
  {
    rule: 'policy-mappings-in-leaf',
    sample: 'policyMappings on a leaf',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.policyMappings,
        write.extension(EXTENSION.policyMappings, true, der.sequence(der.sequence(der.oid('1.2.3'), der.oid('1.2.4')))),
      ),
  },
];

function criticality(rule: string, oid: string, critical: boolean, value: Bytes): BadSample {
  const sample = `it ${critical ? 'critical' : 'not critical'}`;
  return { rule, sample, change: (good) => withExtension(good, oid, write.extension(oid, critical, value)) };
}

function infoAccess() {
  const location = der.taggedPrimitive(6, Buffer.from('http://ocsp.example/'));
  return der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), location));
}

function distributionPoint(): Bytes {
  return der.sequence(
    der.sequence(der.tagged(0, der.tagged(0, der.taggedPrimitive(6, Buffer.from('http://crl.example/'))))),
  );
}
