import { validityFrom } from '#pki/profile.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import * as der from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EXTENSION, KEY_PURPOSE } from '#pki/x509/oids.ts';
import type { SampleParts } from '#test/lab/lint-sample.ts';
import { LAB_NOW, labKey } from '#test/lab/node-ca.ts';

import { type BadSample, rsaSpki, spkiOf, withExtension, without } from './bad-sample.ts';

const validity = (seconds: number): Partial<SampleParts> => {
  const { notBefore, notAfter } = validityFrom(LAB_NOW, seconds);
  return { validity: der.sequence(der.time(notBefore), der.time(notAfter)) };
};

export const ISSUER_SAMPLES: readonly BadSample[] = [
  {
    rule: 'issuer-name-differs',
    sample: 'another CA’s name',
    change: (_, ca) => ({ issuer: ca.root.certificate.subject.raw }),
  },
  {
    rule: 'authority-key-identifier-differs',
    sample: 'another CA’s key identifier',
    change: (good, ca) =>
      withExtension(
        good,
        EXTENSION.authorityKeyIdentifier,
        write.authorityKeyIdentifier(ca.root.certificate.extensions.subjectKeyIdentifier ?? Buffer.alloc(0)),
      ),
  },
  {
    rule: 'validity-outside-issuer',
    sample: 'an end after the issuer’s',
    purpose: 'node-issuing-ca',
    change: (_, ca) => ({
      validity: der.sequence(der.time(LAB_NOW), der.time(new Date(ca.root.certificate.notAfter.getTime() + 1_000))),
    }),
  },
  {
    rule: 'validity-outside-issuer',
    sample: 'a beginning before the issuer’s',
    purpose: 'node-issuing-ca',
    change: (_, ca) => ({
      validity: der.sequence(
        der.time(new Date(ca.root.certificate.notBefore.getTime() - 1_000)),
        der.time(ca.root.certificate.notAfter),
      ),
    }),
  },
  { rule: 'key-of-issuer', sample: 'the issuer’s own key', change: (_, ca) => ({ spki: ca.issuing.signer.spki }) },
  {
    rule: 'issuer-not-ca',
    sample: 'an issuer without CA:TRUE',
    issuer: ({ issuing }) => ({ ...issuing.certificate, extensions: { all: new Map() } }),
    change: () => ({}),
  },
  {
    rule: 'issuer-path-length',
    sample: 'a CA below the issuing CA',
    purpose: 'node-issuing-ca',
    issuer: ({ issuing }) => issuing.certificate,
    change: () => ({}),
  },
];

export const PROFILE_SAMPLES: readonly BadSample[] = [
  {
    rule: 'profile-serial',
    sample: 'a serial of 16 bytes',
    change: () => ({ serial: der.unsignedInteger(Buffer.alloc(16, 0x4d)) }),
  },
  {
    rule: 'profile-serial',
    sample: 'another lead byte',
    change: () => ({ serial: der.unsignedInteger(Buffer.alloc(17, 0x4e)) }),
  },
  {
    rule: 'profile-signature-algorithm',
    sample: 'ecdsa-with-SHA384',
    change: () => ({
      innerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384,
      outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384,
    }),
  },
  { rule: 'profile-leaf-key', sample: 'RSA of 1024 bits', change: () => ({ spki: rsaSpki(1_024) }) },
  { rule: 'profile-leaf-key', sample: 'a P-521 key', change: () => ({ spki: spkiOf(labKey('P-521')) }) },
  {
    rule: 'profile-ca-key',
    sample: 'a P-384 CA',
    purpose: 'node-root-ca',
    change: () => ({ spki: spkiOf(labKey('P-384')) }),
  },
  {
    rule: 'profile-extensions',
    sample: 'an extension more',
    change: (good) =>
      withExtension(good, EXTENSION.crlDistributionPoints, write.crlDistributionPoint('http://crl.example/')),
  },
  {
    rule: 'profile-extensions',
    sample: 'an extension less',
    change: (good) => without(good, EXTENSION.extendedKeyUsage),
  },
  {
    rule: 'profile-key-usage',
    sample: 'a usage more',
    change: (good) => withExtension(good, EXTENSION.keyUsage, write.keyUsage('digitalSignature', 'nonRepudiation')),
  },
  {
    rule: 'profile-extended-key-usage',
    sample: 'server authentication as well',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.extendedKeyUsage,
        write.extendedKeyUsage(KEY_PURPOSE.clientAuth, KEY_PURPOSE.serverAuth),
      ),
  },
  {
    rule: 'profile-extended-key-usage',
    sample: 'client authentication for the service',
    purpose: 'server',
    change: (good) => withExtension(good, EXTENSION.extendedKeyUsage, write.extendedKeyUsage(KEY_PURPOSE.clientAuth)),
  },
  {
    rule: 'profile-basic-constraints',
    sample: 'CA:TRUE on a leaf',
    change: (good) => withExtension(good, EXTENSION.basicConstraints, write.basicConstraints('unlimited')),
  },
  {
    rule: 'profile-basic-constraints',
    sample: 'an issuing CA with a CA below it',
    purpose: 'node-issuing-ca',
    change: (good) => withExtension(good, EXTENSION.basicConstraints, write.basicConstraints(1)),
  },
  { rule: 'profile-lifetime', sample: '24 hours and one second', change: () => validity(86_401) },
  { rule: 'profile-lifetime', sample: '14 minutes and 59 seconds', change: () => validity(899) },
  {
    rule: 'profile-lifetime',
    sample: 'an administrator for 91 days',
    purpose: 'administrator',
    change: () => validity(91 * 86_400),
  },
  {
    rule: 'profile-cross-own-key',
    sample: 'a root under itself',
    purpose: 'node-root-cross',
    issuer: ({ root }) => root.certificate,
    change: (_, { root }) => ({ spki: root.certificate.publicKey.raw }),
  },
  { rule: 'profile-self-signed', sample: 'a leaf of its own', change: (good) => ({ issuer: good.subject }) },
  {
    rule: 'profile-self-signed',
    sample: 'a root of another',
    purpose: 'management-ca',
    change: (_, ca) => ({ issuer: ca.root.certificate.subject.raw }),
  },
];
