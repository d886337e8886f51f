import { expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { nullValue, oid, sequence } from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { leafDer, root } from './lab.ts';
import { hex, outcome } from './outcome.ts';

const CA = root();
const added = (type: string, value: Bytes, critical = false): Bytes =>
  leafDer(CA, 'Leaf', { extensions: (good) => ({ ...good, added: extension(type, critical, value) }) });

test.each<[string, Bytes, string]>([
  [
    'an information access',
    added(EXTENSION.subjectInfoAccess, sequence(sequence(oid('1.2.3'), hex('860161')))),
    'accepted',
  ],
  ['a distribution point', added(EXTENSION.crlDistributionPoints, sequence(hex('3007 a005 a003 860161'))), 'accepted'],
  [
    'a policy mapping',
    added(EXTENSION.policyMappings, sequence(sequence(oid('1.2.3'), oid('1.2.4'))), true),
    'accepted',
  ],
  ['policy constraints', added(EXTENSION.policyConstraints, hex('3003 800100'), true), 'accepted'],
  [
    'two information accesses, the second without a place',
    added(EXTENSION.authorityInfoAccess, sequence(sequence(oid('1.2.3'), hex('860161')), sequence(oid('1.2.3')))),
    'unexpected-tag',
  ],
  [
    'an information access with something after its place',
    added(EXTENSION.authorityInfoAccess, sequence(sequence(oid('1.2.3'), hex('860161'), nullValue()))),
    'trailing-bytes',
  ],
  [
    'two distribution points, the second naming nothing',
    added(EXTENSION.crlDistributionPoints, sequence(hex('3007 a005 a003 860161'), sequence())),
    'bad-value',
  ],
  [
    'something after the name of a distribution point',
    added(EXTENSION.crlDistributionPoints, sequence(hex('3009 a007 a003 860161 0500'))),
    'trailing-bytes',
  ],
  [
    'something after a distribution point’s issuer',
    added(EXTENSION.crlDistributionPoints, sequence(hex('3009 a205 8203616263 0500'))),
    'trailing-bytes',
  ],
  [
    'two policy mappings, the second of one policy alone',
    added(EXTENSION.policyMappings, sequence(sequence(oid('1.2.3'), oid('1.2.4')), sequence(oid('1.2.3'))), true),
    'truncated',
  ],
  [
    'a policy mapping of three policies',
    added(EXTENSION.policyMappings, sequence(sequence(oid('1.2.3'), oid('1.2.4'), oid('1.2.5'))), true),
    'trailing-bytes',
  ],
  [
    'something after the policy constraints',
    added(EXTENSION.policyConstraints, hex('3005 800100 0500'), true),
    'trailing-bytes',
  ],
  [
    'something after a policy’s qualifiers',
    added(
      EXTENSION.certificatePolicies,
      sequence(sequence(oid('1.2.3'), sequence(sequence(oid('1.2.4'), nullValue(), nullValue())))),
    ),
    'trailing-bytes',
  ],
])('%s, in a certificate', (_, der, expected) => {
  expect(outcome(() => parseCertificate(der))).toBe(expected);
});
