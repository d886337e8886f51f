import * as write from '#pki/x509/extension-writer.ts';

import { EXTENSION } from '#pki/x509/oids.ts';

import { type BadSample, altNames, withExtension } from './bad-sample.ts';

export const ALT_NAME_SAMPLES: readonly BadSample[] = [
  {
    rule: 'alt-name-critical-with-subject',
    sample: 'a critical subjectAltName beside a subject',
    purpose: 'server',
    change: (good) =>
      withExtension(good, EXTENSION.subjectAltName, write.subjectAltName(true, write.dnsName('muster.example'))),
  },
  dns('alt-name-dns-too-long', 'a name of 254 characters', `${'a.'.repeat(126)}aa`),
  dns('alt-name-dns-label-empty', 'a leading dot', '.example'),
  dns('alt-name-dns-label-empty', 'a trailing dot', 'example.'),
  dns('alt-name-dns-label-too-long', 'a label of 64 characters', `${'a'.repeat(64)}.example`),
  dns('alt-name-dns-character', 'an underscore', 'a_b.example'),
  dns('alt-name-dns-character', 'a NUL', 'a.example\0.other'),
  dns('alt-name-dns-character', 'a space alone', ' '),
  dns('alt-name-dns-hyphen', 'a label that begins with a hyphen', 'a.-b.example'),
  dns('alt-name-dns-hyphen', 'a label that ends with a hyphen', 'b-.example'),
  dns('alt-name-dns-wildcard', 'a wildcard alone', '*'),
  dns('alt-name-dns-wildcard', 'a wildcard in the second label', 'a.*.example'),
  dns('alt-name-dns-wildcard', 'a wildcard in part of a label', '*a.example'),
  dns('alt-name-empty', 'an empty name', ''),
  {
    rule: 'alt-name-duplicate',
    sample: 'a name twice',
    purpose: 'server',
    change: (good) => altNames(good, write.dnsName('a.example'), write.dnsName('A.example')),
  },
];

function dns(rule: string, sample: string, name: string): BadSample {
  return { rule, sample, purpose: 'server', change: (good) => altNames(good, write.dnsName(name)) };
}
