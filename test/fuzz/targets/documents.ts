import { stringify } from 'yaml';

import { checkIssued } from '#agent/check-issued.ts';
import { readBody, readProblem } from '#agent/answer.ts';
import { compilePolicy } from '#attestation/evidence-policy.ts';
import { manifestFault, parseReferenceSigners } from '#attestation/reference-manifest.ts';
import { type Bytes, utf8 } from '#core/bytes.ts';
import { localSigner } from '#pki/signer-file.ts';
import { joinResponseSchema } from '#protocol/join.ts';
import { policySchema, referenceValuesSchema } from '#protocol/policy.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { parseAdministrators } from '#services/administrators.ts';
import { renderAdministrators, renderPolicy, renderServerConfig } from '#services/commands/init-texts.ts';
import { parseServerConfig } from '#services/config/config.ts';
import { renderJoin } from '#services/join/admitted.ts';
import { ConfigError, parseDocumentText } from '#services/config/strict-document.ts';
import { FalseAcceptError, type FuzzTarget, ownErrors, taken } from '#test/fuzz/engine/fuzz-target.ts';
import { GOOD_POLICY } from '#test/lab/boot-policy.ts';
import { join, joinLab, nodeName, PCRS, referenceValuesOf } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { LAB_SIGNER, signManifest } from '#test/lab/reference-signer.ts';

const lab = await joinLab();
const key = labKey();
const { spki } = localSigner(key);
const ANSWER = await goodAnswer();
const MANIFEST = signManifest(referenceValuesOf(lab.tpm));
const SIGNERS = parseReferenceSigners(LAB_SIGNER.pem);

const document = {
  shape: 'text',
  maxBytes: 65_536,
  isOwnError: ownErrors(ConfigError),
} as const satisfies Partial<FuzzTarget>;

/** The good name of each file: a policy that names another names one that is missing. */
const FILES = {
  referenceValues: new Map([['now.yaml', MANIFEST]]),
  anchors: new Map([['makers.pem', lab.deps.cluster.caPem]]),
  referenceSigners: new Map([['signer.pem', LAB_SIGNER.pem]]),
};

/** The service's own files, and what an agent is answered. */
export const DOCUMENT_TARGETS: readonly FuzzTarget[] = [
  {
    ...document,
    name: 'policy YAML',
    seeds: [utf8(renderPolicy()), utf8(stringify(policyWithBoot()))],
    read: (input) => compilePolicy(parseDocumentText(latin1(input), 'policy.yaml', policySchema), FILES).ok,
  },
  {
    ...document,
    name: 'reference manifest',
    seeds: [utf8(stringify(MANIFEST)), utf8(JSON.stringify(MANIFEST))],
    read: (input) => {
      const manifest = parseDocumentText(latin1(input), 'now.yaml', referenceValuesSchema);
      const fault = manifestFault(manifest, { name: 'general', protectionRating: 'protected' }, SIGNERS);
      if (fault === undefined && JSON.stringify(manifest.pcrs) !== JSON.stringify(MANIFEST.pcrs)) {
        throw new FalseAcceptError('changed reference values pass as signed');
      }
      return fault === undefined;
    },
  },
  {
    ...document,
    name: 'reference signers',
    isOwnError: ownErrors(X509FormatError),
    seeds: [utf8(LAB_SIGNER.pem)],
    read: taken((input) => parseReferenceSigners(latin1(input))),
  },
  {
    ...document,
    name: 'server configuration',
    seeds: [utf8(renderServerConfig(initPlan()))],
    read: taken((input) => parseServerConfig(latin1(input), '/etc/muster/muster.yaml')),
  },
  {
    ...document,
    name: 'administrators',
    seeds: [utf8(renderAdministrators([['alice', 'ab'.repeat(32)]]))],
    read: taken((input) => parseAdministrators(latin1(input), 'administrators.yaml')),
  },
  {
    ...document,
    name: 'join answer',
    isOwnError: () => false,
    seeds: [utf8(JSON.stringify(ANSWER))],
    read: readsAnswer,
  },
  {
    ...document,
    name: 'problem answer',
    isOwnError: () => false,
    seeds: [
      utf8(
        JSON.stringify({
          type: 'urn:muster:problem:rate-limited',
          title: 'Too many requests',
          status: 429,
          instance: 'urn:uuid:0d9c3f0a-8a54-4a6c-9c63-7a0e43b0c9de',
          retry: 'same-request',
        }),
      ),
    ],
    read: (input) =>
      readProblem(answer(429, 'application/problem+json', input), lab.clock.now().getTime()).status === 'problem',
  },
];

function latin1(input: Bytes): string {
  return Buffer.from(input).toString('latin1');
}

function answer(status: number, type: string, body: Bytes) {
  return { status, headers: { 'content-type': type, 'retry-after': '5' }, body: Buffer.from(body) };
}

/** What the agent does with an answer; it must be for this node and this key whatever it looks like. */
function readsAnswer(input: Bytes): boolean {
  const read = readBody(answer(201, 'application/json', input), joinResponseSchema);
  if (read.status !== 'ok') return false;
  const expected = {
    nodeName: nodeName('worker-7'),
    spki,
    nodeCa: [lab.ca.root.certificate],
    now: lab.clock.now(),
  };
  const issued = checkIssued(read.value, expected);
  const [leaf] = ANSWER.certificate.chainPem.split('-----END');
  if (issued.ok && !issued.chainPem.startsWith(leaf ?? ' ')) throw new FalseAcceptError('another certificate is taken');
  return issued.ok;
}

async function goodAnswer() {
  const outcome = await join(lab, { key });
  if (!outcome.ok) throw new Error(outcome.problem);
  const { certificate } = lab.ca.issuing;
  return renderJoin(outcome.admitted, { ...lab.deps.cluster, issuerPem: encodePem('CERTIFICATE', certificate.der) });
}

function policyWithBoot(): object {
  const tpm2 = {
    pcrs: [...PCRS, 8, 9, 10, 14],
    referenceValues: ['now.yaml'],
    referencePcrs: PCRS,
    ekAnchors: ['makers.pem'],
    boot: GOOD_POLICY,
  };
  const segments = ['10.1.0.0/16', { cidr: '2001:db8::/32', class: 'partner' }];
  const pool = { protectionRating: 'protected', segments, certificateTtl: '8h', tpm2, callback: { timeout: '5s' } };
  return { apiVersion: 'muster/v1', kind: 'Policy', referenceSigners: ['signer.pem'], pools: { general: pool } };
}

function initPlan() {
  return {
    directory: '/etc/muster',
    name: 'muster',
    dnsNames: [],
    ipAddresses: ['192.0.2.1'],
    administrator: 'alice',
    passphraseFile: undefined,
    kubernetes: { apiServer: 'https://k8s.example:6443', caPem: '' },
    ports: { node: 7_443, admin: 7_444 },
  };
}
