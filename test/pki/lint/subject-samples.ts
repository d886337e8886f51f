import * as write from '#pki/x509/extension-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

import { type BadSample, altNames } from './bad-sample.ts';

export const SUBJECT_SAMPLES: readonly BadSample[] = [
  {
    rule: 'kubelet-organization',
    sample: 'O=system:masters',
    change: () => ({
      subject: buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'system:node:a']),
    }),
  },
  {
    rule: 'kubelet-organization',
    sample: 'two organizations',
    change: () => ({
      subject: buildName(
        [ATTRIBUTE.organization, 'system:nodes'],
        [ATTRIBUTE.organization, 'system:masters'],
        [ATTRIBUTE.commonName, 'system:node:a'],
      ),
    }),
  },
  {
    rule: 'kubelet-common-name',
    sample: 'CN=admin',
    change: () => ({ subject: buildName([ATTRIBUTE.organization, 'system:nodes'], [ATTRIBUTE.commonName, 'admin']) }),
  },
  {
    rule: 'kubelet-common-name',
    sample: 'a node without a name',
    change: () => ({
      subject: buildName([ATTRIBUTE.organization, 'system:nodes'], [ATTRIBUTE.commonName, 'system:node:']),
    }),
  },
  {
    rule: 'kubelet-alternative-names',
    sample: 'a DNS name',
    change: (good) => altNames(good, write.dnsName('worker-7')),
  },
  {
    rule: 'kubelet-subject-bytes',
    sample: 'the right subject with a UID more',
    change: () => ({
      subject: buildName(
        [ATTRIBUTE.organization, 'system:nodes'],
        ['1.3.6.1.4.1.57683.2', 'uid'],
        [ATTRIBUTE.commonName, 'system:node:a'],
      ),
    }),
  },
  {
    rule: 'kubelet-subject-bytes',
    sample: 'a name in capitals',
    change: () => ({
      subject: buildName([ATTRIBUTE.organization, 'system:nodes'], [ATTRIBUTE.commonName, 'system:node:A']),
    }),
  },
  {
    rule: 'ca-common-name',
    sample: 'a CA without CN',
    purpose: 'node-issuing-ca',
    change: () => ({ subject: buildName([ATTRIBUTE.organization, 'Lab']) }),
  },
  {
    rule: 'ca-kubernetes-identity',
    sample: 'a CA with O=system:masters',
    purpose: 'node-issuing-ca',
    change: () => ({ subject: buildName([ATTRIBUTE.organization, 'System:masters'], [ATTRIBUTE.commonName, 'CA']) }),
  },
  {
    rule: 'server-alternative-names',
    sample: 'a wildcard',
    purpose: 'server',
    change: (good) => altNames(good, write.dnsName('*.example')),
  },
  {
    rule: 'server-alternative-names',
    sample: 'a directory name',
    purpose: 'server',
    change: (good) => altNames(good, write.directoryName(buildName([ATTRIBUTE.commonName, 'x']))),
  },
  {
    rule: 'administrator-subject-bytes',
    sample: 'a role of another program',
    purpose: 'administrator',
    change: () => ({ subject: buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'ada']) }),
  },
];
