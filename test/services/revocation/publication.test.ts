import { createServer, request, type Server } from 'node:http';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { OCSP_TRY_LATER } from '#pki/ocsp.ts';
import type { CrlList } from '#services/store/crl-lists.ts';
import { publication } from '#services/revocation/publication.ts';
import { silentLog } from '#test/fakes/silent-log.ts';

const KEY_ID = 'ab'.repeat(20);
const list: CrlList = {
  issuerKeyId: KEY_ID,
  der: Buffer.from('a list'),
  number: 41,
  thisUpdate: new Date('2026-11-21T10:00:00Z'),
  nextUpdate: new Date('2026-11-22T10:00:00Z'),
  entries: 0,
  through: 0,
};
const signedAnswer = Buffer.from('an answer that is signed');

let server: Server;
let port: number;
let current: CrlList | undefined = list;
let ocspAnswer: Uint8Array = signedAnswer;
const asked: string[] = [];

beforeAll(async () => {
  const listener = publication(
    {
      publishers: [{ issuerKeyId: KEY_ID, current: () => current }],
      answerOcsp: async (der) => {
        asked.push(Buffer.from(der).toString('latin1'));
        return Buffer.from(ocspAnswer);
      },
      originOf: () => undefined,
      log: silentLog,
      random: systemRandom,
    },
    (_, response) => {
      response.writeHead(204).end();
    },
  );
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens');
  ({ port } = address);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Sent {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function send(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { statusCode: status, headers: got } = incoming;
        resolve({ status, headers: got, body: Buffer.concat(chunks).toString('latin1') });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const OCSP = { 'content-type': 'application/ocsp-request' };

describe('the publication of revocations', () => {
  test.for(['/v1/crl', `/v1/crls/${KEY_ID}`])('serves the list at %s', async (path) => {
    const { status, headers, body } = await send('GET', path);
    expect([status, body]).toEqual([200, 'a list']);
    expect(headers).toMatchObject({
      'content-type': 'application/pkix-crl',
      etag: '"41"',
      'last-modified': 'Sat, 21 Nov 2026 10:00:00 GMT',
      'cache-control': 'public, max-age=30, must-revalidate',
      'content-length': '6',
    });
  });

  test.for<[string, string, number]>([
    ['GET', '"41"', 304],
    ['GET', '"40", W/"41"', 304],
    ['GET', '*', 304],
    ['GET', '"40"', 200],
    ['HEAD', '"40"', 200],
    ['HEAD', '"41"', 304],
  ])('answers a %s by one who has %s with %d', async ([method, has, expected]) => {
    const { status, body } = await send(method, '/v1/crl', { 'if-none-match': has });
    expect(status).toBe(expected);
    expect(body).toBe(method === 'GET' && expected === 200 ? 'a list' : '');
  });

  test.for<[string, string, Record<string, string>, string | undefined, number]>([
    ['GET', `/v1/crls/${'cd'.repeat(20)}`, {}, undefined, 404],
    ['GET', '/v1/crls/', {}, undefined, 404],
    ['POST', '/v1/crl', {}, 'x', 405],
    ['GET', '/v1/ocsp', {}, undefined, 405],
    ['PUT', '/v1/ocsp', OCSP, 'x', 405],
    ['POST', '/v1/ocsp', { 'content-type': 'application/json' }, 'x', 415],
    ['POST', '/v1/ocsp', {}, 'x', 415],
    ['POST', '/v1/ocsp', { ...OCSP, 'content-encoding': 'gzip' }, 'x', 415],
    ['POST', '/v1/ocsp', OCSP, 'x'.repeat(8_193), 413],
    ['GET', '/v1/ocsp/', {}, undefined, 400],
    ['GET', '/v1/ocsp/%2e%2e/v1/nodes', {}, undefined, 400],
    ['GET', '/v1/ocsp/%FF%FF', {}, undefined, 400],
    ['POST', '/v1/ocsp/QUJD', OCSP, 'x', 405],
    ['GET', '/v1/crl/', {}, undefined, 204],
    ['GET', '/v1/crlx', {}, undefined, 204],
    ['POST', '/v1/challenges', {}, undefined, 204],
    ['POST', '/v1/ocsp', OCSP, 'x'.repeat(8_192), 200],
  ])('answers %s %s as it should: case %#', async ([method, path, headers, body, expected]) => {
    expect((await send(method, path, headers, body)).status).toBe(expected);
  });

  test('asks OCSP with the bytes of a POST, and lets nobody keep the answer', async () => {
    const { status, headers, body } = await send('POST', '/v1/ocsp', OCSP, 'asked by post');
    expect([status, body, asked.at(-1)]).toEqual([200, signedAnswer.toString(), 'asked by post']);
    expect(headers).toMatchObject({ 'content-type': 'application/ocsp-response', 'cache-control': 'no-store' });
  });

  test.for(['escaped', 'plain'])('asks OCSP with what a GET has in its path, %s', async (form) => {
    const der = Buffer.from([0xfb, 0xff, 0xfe, 0x2b, 0x01]);
    const base64 = der.toString('base64');
    const path = form === 'escaped' ? encodeURIComponent(base64) : base64;
    const { headers } = await send('GET', `/v1/ocsp/${path}`);
    expect(asked.at(-1)).toBe(der.toString('latin1'));
    expect(headers['cache-control']).toBe('public, max-age=30, must-revalidate');
  });

  test('lets nobody keep an answer that is not signed', async () => {
    ocspAnswer = OCSP_TRY_LATER;
    expect((await send('GET', '/v1/ocsp/QUJD')).headers['cache-control']).toBe('no-store');
    ocspAnswer = signedAnswer;
  });

  test('says when to come back while there is no list yet', async () => {
    current = undefined;
    const { status, headers } = await send('GET', '/v1/crl');
    expect([status, headers['retry-after'], headers['cache-control']]).toEqual([503, '1', 'no-store']);
    current = list;
  });
});
