import { concatBytes } from '#core/bytes.ts';
import * as der from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { type BadSample, rsaSpki, withExtension, without } from './bad-sample.ts';

export const KEY_SAMPLES: readonly BadSample[] = [
  {
    rule: 'key-malformed',
    sample: 'a compressed point',
    change: ({ spki }) => ({
      spki: der.sequence(
        der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.2.840.10045.3.1.7')),
        der.bitString(concatBytes(Buffer.of(2), spki.subarray(-64, -32))),
      ),
    }),
  },
  {
    rule: 'ca-key-usage-missing',
    sample: 'a CA without keyUsage',
    purpose: 'node-root-ca',
    change: (good) => without(good, EXTENSION.keyUsage),
  },
  {
    rule: 'cert-sign-without-ca',
    sample: 'keyCertSign on a leaf',
    change: (good) => withExtension(good, EXTENSION.keyUsage, write.keyUsage('digitalSignature', 'keyCertSign')),
  },
  {
    rule: 'ec-key-for-encipherment',
    sample: 'keyEncipherment on an EC key',
    change: (good) => withExtension(good, EXTENSION.keyUsage, write.keyUsage('digitalSignature', 'keyEncipherment')),
  },
  {
    rule: 'ec-leaf-key-usage',
    sample: 'cRLSign on a leaf',
    change: (good) => withExtension(good, EXTENSION.keyUsage, write.keyUsage('digitalSignature', 'cRLSign')),
  },
  {
    rule: 'rsa-ca-key-for-encipherment',
    sample: 'keyEncipherment on an RSA CA',
    purpose: 'node-root-ca',
    change: (good) => ({
      spki: rsaSpki(2_048),
      ...withExtension(good, EXTENSION.keyUsage, write.keyUsage('keyCertSign', 'cRLSign', 'keyEncipherment')),
    }),
  },
  {
    rule: 'rsa-key-for-agreement',
    sample: 'keyAgreement on an RSA key',
    change: (good) => ({
      spki: rsaSpki(2_048),
      ...withExtension(good, EXTENSION.keyUsage, write.keyUsage('digitalSignature', 'keyAgreement')),
    }),
  },
  {
    rule: 'key-usage-against-purpose',
    sample: 'client authentication without a signature',
    change: (good) => withExtension(good, EXTENSION.keyUsage, write.keyUsage('nonRepudiation')),
  },
  {
    rule: 'path-length-without-cert-sign',
    sample: 'a path length on a leaf',
    change: (good) =>
      withExtension(
        good,
        EXTENSION.basicConstraints,
        write.extension(EXTENSION.basicConstraints, true, der.sequence(der.integer(0))),
      ),
  },
];
