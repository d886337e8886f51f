import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { checkIssued, type IssuedExpectation } from '#agent/check-issued.ts';
import type { NodeName } from '#core/ids.ts';
import { basicConstraints, dnsName, keyUsage, subjectAltName } from '#pki/x509/extension-writer.ts';
import { KEY_PURPOSE } from '#pki/x509/oids.ts';
import { encodePem } from '#pki/x509/pem.ts';
import type { JoinResponse } from '#protocol/join.ts';
import { LAB_NOW, labNodeCa } from '#test/lab/node-ca.ts';

import { labAnswer, labTime, type LeafOptions, subjectOf } from './lab-answer.ts';

const newSpki = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });

const ca = await labNodeCa();
const other = await labNodeCa();
const mine = newSpki();
const HOUR = 3_600_000;
const BOTH = ['system:nodes', 'system:masters'];
const { clientAuth, serverAuth } = KEY_PURPOSE;

/** What one row changes: the certificate, what the answer says beside it, or what the node expects. */
interface Row {
  readonly leaf?: Partial<LeafOptions>;
  readonly answer?: (good: JoinResponse) => JoinResponse;
  readonly expected?: Partial<IssuedExpectation>;
}

const saying = (edit: Partial<JoinResponse['certificate']>) => (good: JoinResponse) => ({
  ...good,
  certificate: { ...good.certificate, ...edit },
});

const chain = (edit: (pem: string) => string) => (good: JoinResponse) =>
  saying({ chainPem: edit(good.certificate.chainPem) })(good);

const leafOnly = (pem: string): string => pem.slice(0, pem.indexOf('-----BEGIN', 1));

async function check({ leaf = {}, answer = (good) => good, expected = {} }: Row) {
  const good = await labAnswer(ca.issuing, { spki: mine, ...leaf });
  const nodeName = 'worker-7' as NodeName;
  return checkIssued(answer(good), { nodeName, spki: mine, nodeCa: [ca.root.certificate], now: LAB_NOW, ...expected });
}

describe('an issued certificate', () => {
  test.each<[string, Row]>([
    ['as the service makes it', {}],
    ['by a clock that is five minutes behind its beginning', { expected: { now: labTime(-600_000) } }],
    ['in its last second', { expected: { now: labTime(8 * HOUR) } }],
    ['without a configured CA', { expected: { nodeCa: undefined } }],
    ['with the issuing CA itself configured', { expected: { nodeCa: [ca.issuing.certificate] } }],
    ['among other configured CAs', { expected: { nodeCa: [other.root.certificate, ca.root.certificate] } }],
    ['for a whole day', { leaf: { tbs: { notAfter: labTime(24 * HOUR) } } }],
  ])('is used %s', async (_what, row) => {
    const checked = await check(row);
    expect(checked).toMatchObject({ ok: true });
    expect(checked.ok && checked.chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  test.each<[string, Row, string]>([
    ['for another key', { leaf: { spki: newSpki() } }, 'another key'],
    [
      'in another node’s name',
      { leaf: { tbs: { subject: subjectOf('system:node:worker-8', 'system:nodes') } } },
      'subject',
    ],
    [
      'in another group',
      { leaf: { tbs: { subject: subjectOf('system:node:worker-7', 'system:masters') } } },
      'subject',
    ],
    ['in one group more', { leaf: { tbs: { subject: subjectOf('system:node:worker-7', ...BOTH) } } }, 'subject'],
    ['for servers', { leaf: { purposes: [serverAuth] } }, 'client authentication'],
    ['for clients and servers', { leaf: { purposes: [clientAuth, serverAuth] } }, 'client authentication'],
    ['for no stated purpose', { leaf: { purposes: [] } }, 'client authentication'],
    [
      'with an alternative name',
      { leaf: { moreExtensions: [subjectAltName(false, dnsName('a.example'))] } },
      'alternative',
    ],
    [
      'of a CA',
      { leaf: { basicConstraints: basicConstraints(0), keyUsage: keyUsage('keyCertSign', 'digitalSignature') } },
      'a CA’s',
    ],
    ['that is not valid yet', { expected: { now: labTime(-601_000) } }, 'clock'],
    ['that has expired', { expected: { now: labTime(8 * HOUR + 1_000) } }, 'clock'],
    ['that lasts longer than a day', { leaf: { tbs: { notAfter: labTime(25 * HOUR) } } }, 'a day at most'],
    ['that ends before it begins', { leaf: { tbs: { notAfter: labTime(-HOUR) } } }, 'a day at most'],
    ['signed by somebody else', { leaf: { signer: other.issuing.signer } }, 'expected CA'],
    ['under another root', { expected: { nodeCa: [other.root.certificate] } }, 'expected CA'],
    ['under no root at all', { expected: { nodeCa: [] } }, 'expected CA'],
    ['without its issuer', { answer: chain(leafOnly), expected: { nodeCa: undefined } }, 'expected CA'],
    ['without its issuer, whose root is known', { answer: chain(leafOnly) }, 'expected CA'],
    [
      'with another name in the answer',
      { answer: (good) => ({ ...good, node: { ...good.node, name: 'worker-8' } }) },
      'worker-8',
    ],
    ['with something that is no certificate', { answer: chain(() => 'hello') }, 'PEM'],
    ['with no certificate', { answer: chain(() => '') }, 'PEM'],
    ['with a private key', { answer: chain((pem) => pem + encodePem('PRIVATE KEY', Buffer.of(1))) }, 'PEM'],
    ['with six certificates', { answer: chain((pem) => pem.repeat(3)) }, 'PEM'],
    ['with another serial said', { answer: saying({ serial: '4143' }) }, 'not true'],
    ['with another fingerprint said', { answer: saying({ fingerprint: '0'.repeat(64) }) }, 'not true'],
    ['with another beginning said', { answer: saying({ notBefore: labTime(0).toISOString() }) }, 'not true'],
    ['with another end said', { answer: saying({ notAfter: labTime(9 * HOUR).toISOString() }) }, 'not true'],
  ])('is not used %s', async (_what, row, reason) => {
    const checked = await check(row);
    expect(checked).toMatchObject({ ok: false });
    expect(!checked.ok && checked.reason).toContain(reason);
  });
});
