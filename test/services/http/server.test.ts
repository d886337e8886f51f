import { once } from 'node:events';
import { connect, type ConnectionOptions } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

import { systemRandom } from '#core/random.ts';
import { createApp, type Gate } from '#services/http/app.ts';
import { type Anonymous, noBody, nodeRoute, nothing, type Route } from '#services/http/route.ts';
import { type Listener, startListener } from '#services/http/server.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { type LabClient, labClient } from '#test/lab/https-client.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

const gate: Gate<Anonymous> = {
  identify: () => Promise.resolve('anonymous'),
  permits: () => true,
  nameOf: () => undefined,
  authenticated: false,
  recordRefusal: () => Promise.resolve(),
};

const answers = { 200: { description: 'what was sent', schema: undefined } };
const facts = { operationId: 'x', summary: 'x', answers, problems: [] };
const routes: Route<Anonymous>[] = [
  nodeRoute({
    ...facts,
    method: 'POST',
    path: '/v1/echo',
    params: nothing,
    query: nothing,
    body: { schema: z.strictObject({ text: z.string().max(2_000) }), limitBytes: 1_024 },
    handle: (request) => Promise.resolve({ status: 200, body: { text: request.body.text, from: request.origin } }),
  }),
  nodeRoute({
    ...facts,
    method: 'GET',
    path: '/v1/things/{name}',
    params: z.strictObject({ name: z.string().max(8) }),
    query: z.strictObject({ page: z.string().optional() }),
    body: noBody,
    handle: ({ params, query }) => Promise.resolve({ status: 200, body: { ...params, ...query } }),
  }),
  nodeRoute({
    ...facts,
    method: 'GET',
    path: '/v1/fault',
    params: nothing,
    query: nothing,
    body: noBody,
    handle: () => Promise.reject(new Error('a secret detail')),
  }),
];

let listener: Listener;
let client: LabClient;
let ca: string;

beforeAll(async () => {
  const { management } = await labNodeCa({ now: new Date() });
  ca = certificatePem(management.certificate);
  const server = await labServerIdentity(management);
  const app = createApp({ listener: 'node', routes, gate, log: silentLog, random: systemRandom });
  listener = await startListener(
    {
      host: '127.0.0.1',
      port: 0,
      certificate: server.certificatePem,
      key: server.keyPem,
      clientCa: undefined,
      maxConnections: 64,
      keepAliveMs: 30_000,
    },
    app,
  );
  client = labClient({ ...listener, ca });
});

afterAll(async () => {
  client[Symbol.dispose]();
  await listener[Symbol.asyncDispose]();
});

const echo = { method: 'POST', path: '/v1/echo' };

describe('a listener, asked over TLS', () => {
  test('answers, forbids caching, and does not say what it runs on', async () => {
    const response = await client.send({ ...echo, body: { text: 'hello' } });
    expect(response).toMatchObject({ status: 200, json: { text: 'hello', from: '127.0.0.1' } });
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.headers).not.toHaveProperty('x-powered-by');
    expect(response.headers).not.toHaveProperty('etag');
  });

  test.each<[string, object, number, string | undefined]>([
    ['a body in due form is taken', { body: '{"text":"a"}' }, 200, undefined],
    [
      'a charset is taken',
      { body: '{"text":"a"}', headers: { 'content-type': 'application/json; charset=utf-8' } },
      200,
      undefined,
    ],
    [
      'another type is refused',
      { body: '{"text":"a"}', headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported-media-type',
    ],
    [
      'another charset is refused',
      { body: '{"text":"a"}', headers: { 'content-type': 'application/json; charset=utf-16' } },
      415,
      'unsupported-media-type',
    ],
    [
      'a compressed body is refused',
      { body: '{"text":"a"}', headers: { 'content-encoding': 'gzip' } },
      415,
      'unsupported-media-type',
    ],
    ['a length over the limit is refused', { body: `{"text":"${'a'.repeat(1_024)}"}` }, 413, 'payload-too-large'],
    ['a length exactly at the limit is taken', { body: `{"text":"a"}${' '.repeat(1_012)}` }, 200, undefined],
    [
      'a chunked body over the limit is refused',
      { body: `{"text":"${'a'.repeat(9_000)}"}`, headers: { 'transfer-encoding': 'chunked' } },
      413,
      'payload-too-large',
    ],
    ['no body is refused', { headers: { 'content-type': 'application/json' } }, 400, 'malformed-request'],
    ['a body that is not JSON is refused', { body: 'text' }, 400, 'malformed-request'],
    [
      'a query where none is expected is refused',
      { body: '{"text":"a"}', path: '/v1/echo?a=1' },
      400,
      'malformed-request',
    ],
    ['another method is refused', { method: 'PUT', body: '{"text":"a"}' }, 405, 'method-not-allowed'],
    ['HEAD is no GET', { method: 'HEAD', path: '/v1/fault' }, 405, undefined],
    ['a body with GET is refused', { method: 'GET', path: '/v1/things/a', body: '{}' }, 400, 'malformed-request'],
    [
      'a parameter that fails its schema is refused',
      { method: 'GET', path: '/v1/things/123456789' },
      400,
      'malformed-request',
    ],
    [
      'a query parameter given twice is refused',
      { method: 'GET', path: '/v1/things/a?page=1&page=2' },
      400,
      'malformed-request',
    ],
    ['a fault is answered without its text', { method: 'GET', path: '/v1/fault' }, 500, 'internal-error'],
  ])('%s', async (_, request, status, problem) => {
    const response = await client.send({ ...echo, ...request });
    expect({ status: response.status, problem: response.problem }).toEqual({ status, problem });
    expect(response.text).not.toContain('secret');
  });

  test('points to every member that is wrong, in a document with the request’s name', async () => {
    const response = await client.send({ ...echo, body: '{"text":1,"more/~":2}' });
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.json).toMatchObject({
      type: 'urn:muster:problem:malformed-request',
      status: 400,
      retry: 'never',
      instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
      errors: [{ pointer: '/text' }, { pointer: '/more~1~0', detail: 'unknown member' }],
    });
  });

  test('names the methods that a path takes', async () => {
    expect((await client.send({ method: 'DELETE', path: '/v1/echo' })).headers['allow']).toBe('POST');
  });

  test.each([
    '/',
    '/v1',
    '/v1/nothing',
    '/v1/echo/',
    '/V1/echo',
    '/v1/ECHO',
    '//v1/echo',
    '/v1//echo',
    '/v1/./echo',
    '/v1/x/../echo',
    '/v1/%65cho',
    '/v1/echo%00',
    '/v1/echo%2f',
    '/%2e%2e/v1/echo',
    '/v1/echo;a=1',
    '/v1/things/%2e%2e',
    '/v1/things/..',
    '/v1/things/%c0%ae',
    'http://127.0.0.1/v1/echo',
    '/v1/echo#a',
    '*',
  ])('does not know the path %s', async (path) => {
    const response = await client.send({ method: 'POST', path, body: { text: 'a' } });
    expect(response).toMatchObject({ status: 404, problem: 'not-found' });
  });
});

describe('a listener’s TLS', () => {
  const handshake = async (options: ConnectionOptions): Promise<string> => {
    const socket = connect({ host: listener.host, port: listener.port, ca, ALPNProtocols: ['http/1.1'], ...options });
    try {
      await once(socket, 'secureConnect');
      return `${socket.getProtocol()} ${socket.alpnProtocol} ${socket.isSessionReused() ? 'resumed' : 'full'}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'error';
    } finally {
      socket.destroy();
    }
  };

  test.each<[string, ConnectionOptions, string]>([
    ['TLS 1.3 is spoken', {}, 'TLSv1.3 http/1.1 full'],
    ['TLS 1.2 is not', { maxVersion: 'TLSv1.2' }, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['HTTP/2 is not', { ALPNProtocols: ['h2'] }, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  ])('%s', async (_, options, expected) => {
    expect(await handshake(options)).toBe(expected);
  });

  test('a session that it hands out resumes nothing', async () => {
    const socket = connect({ host: listener.host, port: listener.port, ca });
    const sessions: Buffer[] = [];
    socket.on('session', (session: Buffer) => sessions.push(session));
    socket.write('GET /v1/things/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    // OpenSSL sends session ids where tickets are off; nobody keeps what they would stand for.
    expect(sessions.length).toBeGreaterThan(0);
    for (const session of sessions) expect(await handshake({ session })).toBe('TLSv1.3 http/1.1 full');
  });
});

describe('a listener that cannot read a request', () => {
  const raw = async (text: string): Promise<string> => {
    const socket = connect({ host: listener.host, port: listener.port, ca });
    socket.on('error', () => undefined);
    socket.write(text);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    await once(socket, 'close');
    return answer.split('\r\n', 1)[0] ?? '';
  };

  test.each<[string, string, string]>([
    ['text that is not HTTP', 'hello\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    [
      'a header over 8 KiB',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(9_000)}\r\n\r\n`,
      'HTTP/1.1 431 Request Header Fields Too Large',
    ],
    [
      'two lengths',
      'POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 400 Bad Request',
    ],
    [
      'a length and chunks',
      'POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 400 Bad Request',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
  ])('answers %s and closes', async (_, text, status) => {
    expect(await raw(text)).toBe(status);
  });
});
