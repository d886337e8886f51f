import type { KeyObject } from 'node:crypto';
import { request } from 'node:https';
import { connect as connectTls } from 'node:tls';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { challengeResponseSchema } from '#protocol/challenge.ts';
import { problemDocument } from '#protocol/problem.ts';
import { answerOf, challengeRequestOf, PCRS, referenceValuesOf } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { proxyHeader } from '#test/lab/proxy-header.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

import { missingForNamespaces, type Network, network } from './namespaces.ts';

const missing = missingForNamespaces();
if (missing !== undefined) console.warn(`SKIPPED: joins across network namespaces need ${missing}`);

const PORT = 7_443;
const CALLBACK_PORT = 7_446;
const tpm = labTpm();

/** What each namespace sees of the others. `inside` is behind `nat`; `elsewhere` is in no segment. */
const CABLES = [
  [
    { name: 'service', addresses: ['10.77.1.1/24', 'fd77:1::1/64'] },
    { name: 'node', addresses: ['10.77.1.2/24', 'fd77:1::2/64'] },
  ],
  [
    { name: 'service', addresses: ['10.77.2.1/24', 'fd77:2::1/64'] },
    { name: 'elsewhere', addresses: ['10.77.2.2/24', 'fd77:2::2/64'] },
  ],
  [
    { name: 'service', addresses: ['10.77.3.1/24'] },
    { name: 'nat', addresses: ['10.77.3.2/24'] },
  ],
  [
    { name: 'nat', addresses: ['10.88.0.1/24'] },
    { name: 'inside', addresses: ['10.88.0.2/24'] },
  ],
  [
    { name: 'service', addresses: ['10.77.4.1/24'] },
    { name: 'public', addresses: ['10.77.4.2/24'] },
  ],
] as const;

const SEGMENTS = [
  '10.77.1.0/24',
  'fd77:1::/64',
  { cidr: '10.77.3.2/32', class: 'partner' },
  { cidr: '10.77.4.0/24', class: 'public' },
];

let net: Network;
let caPem = '';

const policy = (pool: object = {}) => ({
  apiVersion: 'muster/v1',
  kind: 'Policy',
  pools: {
    general: {
      protectionRating: 'default',
      segments: SEGMENTS,
      tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], allowEkWithoutCertificate: true },
      ...pool,
    },
  },
});

async function serve(proxies: object = { mode: 'none' }, pool: object = {}): Promise<void> {
  const input = {
    policy: policy(pool),
    referenceValues: referenceValuesOf(tpm),
    ekFingerprint: tpm.ekFingerprint,
    proxies,
  };
  caPem = (JSON.parse(await net.run('service', 'serve', input)) as { caPem: string }).caPem;
}

interface Way {
  readonly from: string;
  readonly to: string;
  /** Sent before the handshake. */
  readonly first?: Uint8Array;
  readonly headers?: Record<string, string>;
  readonly key?: KeyObject;
  /** Where an agent listens for the callback, if one does. */
  readonly listens?: string;
}

/** One request on a connection of its own; `cut` where there was no answer. */
async function post(
  path: string,
  body: object,
  { from, to, first, headers = {} }: Way,
): Promise<{ status: number; text: string } | 'cut'> {
  const tunnel = net.connect(from, to, PORT);
  if (first !== undefined) tunnel.write(first);
  const socket = connectTls({
    socket: tunnel,
    ca: caPem,
    servername: 'localhost',
    checkServerIdentity: () => undefined,
  });
  try {
    return await new Promise((resolve) => {
      const outgoing = request(
        {
          createConnection: () => socket,
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json', ...headers },
        },
        (incoming) => {
          let text = '';
          incoming.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        },
      );
      outgoing.on('error', () => resolve('cut'));
      socket.on('error', () => resolve('cut'));
      outgoing.setTimeout(8_000, () => resolve('cut'));
      outgoing.end(JSON.stringify(body));
    });
  } finally {
    socket.destroy();
    tunnel.destroy();
  }
}

/** A whole join: `joined`, or the first problem's name. */
async function join(way: Way): Promise<string> {
  const key = way.key ?? labKey();
  const asked = await post('/v1/challenges', challengeBody(challengeRequestOf(tpm)), way);
  if (asked === 'cut' || asked.status !== 201) return said(asked);
  const challenge = challengeResponseSchema.parse(JSON.parse(asked.text));
  if (way.listens !== undefined) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' });
    await net.run(way.listens, 'callback', { port: CALLBACK_PORT, key: pem, ticket: challenge.ticket });
  }
  const answer = await post('/v1/joins', joinBody(answerOf(challenge, tpm, { key })), way);
  return answer !== 'cut' && answer.status === 201 ? 'joined' : said(answer);
}

const said = (answer: { text: string } | 'cut'): string =>
  answer === 'cut' ? 'cut' : problemDocument.parse(JSON.parse(answer.text)).type.replace('urn:muster:problem:', '');

describe.skipIf(missing !== undefined)('across real addresses', { timeout: 60_000 }, () => {
  const start = () => {
    net = network(CABLES);
  };
  const stop = () => net[Symbol.asyncDispose]();

  describe('a service that is reached directly', () => {
    beforeAll(async () => {
      start();
      await serve();
      await net.run('nat', 'relay', { listen: '10.88.0.1', host: '10.77.3.1', port: PORT });
    }, 60_000);
    afterAll(stop);

    test.each<[string, Way, string]>([
      ['admits a node of its segment over IPv4', { from: 'node', to: '10.77.1.1' }, 'joined'],
      ['admits it over IPv6', { from: 'node', to: 'fd77:1::1' }, 'joined'],
      ['admits a node behind NAT by its outer address', { from: 'inside', to: '10.88.0.1' }, 'joined'],
      ['refuses a caller from elsewhere over IPv4', { from: 'elsewhere', to: '10.77.2.1' }, 'origin-refused'],
      ['refuses a caller from elsewhere over IPv6', { from: 'elsewhere', to: 'fd77:2::1' }, 'origin-refused'],
      ['refuses a caller from a public segment', { from: 'public', to: '10.77.4.1' }, 'origin-refused'],
      [
        'refuses one from elsewhere who says it is forwarded',
        {
          from: 'elsewhere',
          to: '10.77.2.1',
          headers: { 'x-forwarded-for': '10.77.1.2', forwarded: 'for=10.77.1.2', 'x-real-ip': '10.77.1.2' },
        },
        'origin-refused',
      ],
      [
        'cuts off one from elsewhere who says it with the PROXY protocol',
        { from: 'elsewhere', to: '10.77.2.1', first: proxyHeader('10.77.1.2') },
        'cut',
      ],
    ])('%s', async (_, way, outcome) => {
      expect(await join(way)).toBe(outcome);
    });
  });

  describe('a service behind proxies', () => {
    afterEach(stop);

    test('believes the proxy that it trusts, by the PROXY protocol, and no liar', async () => {
      start();
      await serve({ mode: 'proxy-v2', trustedProxies: ['10.77.3.2/32'] });
      const proxy = { from: 'nat', to: '10.77.3.1' };
      expect(await join({ ...proxy, first: proxyHeader('10.77.1.9') })).toBe('joined');
      expect(await join({ ...proxy, first: proxyHeader('10.99.0.1') })).toBe('origin-refused');
      expect(await join({ ...proxy, first: proxyHeader('fd77:1::9') })).toBe('joined');
      expect(await join(proxy)).toBe('cut');
      const liar = { from: 'elsewhere', to: '10.77.2.1' };
      expect(await join({ ...liar, first: proxyHeader('10.77.1.2') })).toBe('cut');
      expect(await join(liar)).toBe('origin-refused');
    });

    test('believes the proxy that it trusts, by X-Forwarded-For, and no liar', async () => {
      start();
      await serve({ mode: 'x-forwarded-for', trustedProxies: ['10.77.3.2/32'] });
      const via = (from: string, to: string, header?: string) =>
        join({ from, to, headers: header === undefined ? {} : { 'x-forwarded-for': header } });
      expect(await via('nat', '10.77.3.1', '10.77.1.9')).toBe('joined');
      expect(await via('nat', '10.77.3.1', '10.77.1.9, 10.99.0.1')).toBe('origin-refused');
      expect(await via('nat', '10.77.3.1')).toBe('origin-refused');
      expect(await via('elsewhere', '10.77.2.1', '10.77.1.2')).toBe('origin-refused');
    });
  });

  describe('a service that calls back', () => {
    beforeAll(async () => {
      start();
      await serve({ mode: 'none' }, { callback: { port: CALLBACK_PORT, timeout: '1s' } });
      await net.run('nat', 'relay', { listen: '10.88.0.1', host: '10.77.3.1', port: PORT });
    }, 60_000);
    afterAll(stop);

    test.each<[string, Way, string]>([
      ['refuses a node that does not listen', { from: 'node', to: '10.77.1.1' }, 'evidence-rejected'],
      [
        'refuses a node behind NAT, which it cannot reach',
        { from: 'inside', to: '10.88.0.1', listens: 'inside' },
        'evidence-rejected',
      ],
      ['admits a node that listens', { from: 'node', to: '10.77.1.1', listens: 'node' }, 'joined'],
    ])('%s', async (_, way, outcome) => {
      expect(await join(way)).toBe(outcome);
    });
  });
});
