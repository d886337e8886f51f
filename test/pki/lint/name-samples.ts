import * as der from '#pki/x509/der-writer.ts';
import { buildName, EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import type { SampleParts } from '#test/lab/lint-sample.ts';

import { type BadSample } from './bad-sample.ts';

const PRINTABLE = 0x13;
const T61 = 0x14;
const UTF8 = 0x0c;

/** A subject of one attribute whose value is `content` under the string type `tag`. */
const subject = (type: string, tag: number, content: string): Partial<SampleParts> => ({
  subject: der.sequence(
    der.setOf(der.sequence(der.oid(type), der.element(tag, Buffer.from(content, tag === UTF8 ? 'utf8' : 'latin1')))),
  ),
});

export const NAME_SAMPLES: readonly BadSample[] = [
  {
    rule: 'ca-subject-empty',
    sample: 'a CA without a name',
    purpose: 'node-issuing-ca',
    change: () => ({ subject: EMPTY_NAME }),
  },
  {
    rule: 'alt-name-not-critical-without-subject',
    sample: 'a server whose only name may be ignored',
    purpose: 'server',
    change: () => ({ subject: EMPTY_NAME }),
  },
  {
    rule: 'subject-empty-without-alt-name',
    sample: 'no name at all',
    change: () => ({ subject: EMPTY_NAME }),
  },
  {
    rule: 'name-attribute-too-long',
    sample: 'a CN of 65 characters',
    change: () => subject(ATTRIBUTE.commonName, UTF8, 'é'.repeat(65)),
  },
  {
    rule: 'country-not-two-capitals',
    sample: 'a country in lower case',
    change: () => subject(ATTRIBUTE.country, PRINTABLE, 'de'),
  },
  {
    rule: 'country-not-two-capitals',
    sample: 'a country in UTF8String',
    change: () => subject(ATTRIBUTE.country, UTF8, 'DE'),
  },
  {
    rule: 'name-not-in-its-string-type',
    sample: 'Latin-1 in a PrintableString',
    change: () => ({
      subject: der.sequence(
        der.setOf(der.sequence(der.oid(ATTRIBUTE.commonName), der.element(PRINTABLE, Buffer.of(0xe9)))),
      ),
    }),
  },
  {
    rule: 'printable-string-alphabet',
    sample: 'an @ in a PrintableString',
    change: () => subject(ATTRIBUTE.commonName, PRINTABLE, 'a@b'),
  },
  {
    rule: 'name-string-type-obsolete',
    sample: 'a TeletexString',
    change: () => subject(ATTRIBUTE.commonName, T61, 'worker'),
  },
  {
    rule: 'name-control-character',
    sample: 'a NUL in a name',
    change: () => subject(ATTRIBUTE.commonName, UTF8, 'a\0b'),
  },
  {
    rule: 'name-control-character',
    sample: 'a C1 control in a name',
    change: () => subject(ATTRIBUTE.commonName, UTF8, 'a\u0085b'),
  },
  {
    rule: 'name-edge-white-space',
    sample: 'a name ending in a space',
    change: () => subject(ATTRIBUTE.commonName, UTF8, 'worker '),
  },
  { rule: 'name-attribute-empty', sample: 'an empty CN', change: () => subject(ATTRIBUTE.commonName, UTF8, '') },
  {
    rule: 'name-multi-valued',
    sample: 'O and CN in one relative name',
    change: () => ({
      subject: der.sequence(
        der.setOf(
          der.sequence(der.oid(ATTRIBUTE.organization), der.utf8String('system:nodes')),
          der.sequence(der.oid(ATTRIBUTE.commonName), der.utf8String('system:node:worker-7')),
        ),
      ),
    }),
  },
  {
    rule: 'email-not-in-alt-name',
    sample: 'an e-mail address in the subject alone',
    change: () => ({ subject: buildName([ATTRIBUTE.emailAddress, 'a@b.example']) }),
  },
];
