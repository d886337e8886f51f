import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import * as der from '#pki/x509/der-writer.ts';
import { EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { LAB_NOW } from '#test/lab/node-ca.ts';

import { type BadSample, withExtension } from './bad-sample.ts';

export const STRUCTURE_SAMPLES: readonly BadSample[] = [
  {
    rule: 'malformed',
    sample: 'different algorithms inside and outside',
    change: () => ({ outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384 }),
  },
  {
    rule: 'malformed',
    sample: 'an extension twice',
    change: (good) => withExtension(good, 'again', good.extensions.get(EXTENSION.keyUsage) ?? Buffer.alloc(0)),
  },
  {
    rule: 'version-not-3',
    sample: 'a version 2 certificate',
    change: () => ({ version: der.tagged(0, der.integer(1)), extensions: new Map<string, Bytes>() }),
  },
  { rule: 'serial-not-positive', sample: 'serial 0', change: () => ({ serial: Buffer.of(2, 1, 0) }) },
  { rule: 'serial-not-positive', sample: 'serial −1', change: () => ({ serial: Buffer.of(2, 1, 0xff) }) },
  {
    rule: 'serial-over-20-octets',
    sample: 'a serial of 21 octets',
    change: () => ({ serial: der.unsignedInteger(Buffer.alloc(20, 0x81)) }),
  },
  {
    rule: 'signature-parameters',
    sample: 'ECDSA with NULL parameters',
    change: () => {
      const algorithm = der.sequence(der.oid('1.2.840.10045.4.3.2'), der.nullValue());
      return { innerAlgorithm: algorithm, outerAlgorithm: algorithm };
    },
  },
  { rule: 'issuer-empty', sample: 'an empty issuer', change: () => ({ issuer: EMPTY_NAME }) },
  {
    rule: 'validity-not-positive',
    sample: 'an end before its beginning',
    change: () => ({ validity: der.sequence(der.time(LAB_NOW), der.time(new Date(LAB_NOW.getTime() - 1_000))) }),
  },
  {
    rule: 'time-form',
    sample: 'GeneralizedTime before 2050',
    change: () => ({ validity: der.sequence(der.generalizedTime(LAB_NOW), der.time(LAB_NOW)) }),
  },
  {
    rule: 'unique-identifier-present',
    sample: 'an issuerUniqueID',
    change: () => ({ uniqueIds: der.taggedPrimitive(1, Buffer.of(0, 1)) }),
  },
  {
    rule: 'unique-identifier-present',
    sample: 'a subjectUniqueID',
    change: () => ({ uniqueIds: der.taggedPrimitive(2, Buffer.of(0, 1)) }),
  },
];
