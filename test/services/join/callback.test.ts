import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { afterEach, describe, expect, test } from 'vitest';

import { listenForCallback } from '#agent/callback-listener.ts';
import { systemClock } from '#core/clock.ts';
import { ticketId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { buildSelfSigned } from '#pki/x509/build-self-signed.ts';
import { bitString, oid, sequence } from '#pki/x509/der-writer.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { type Callback, type CallbackOutcome, callBack } from '#services/join/callback.ts';
import { origin } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { freePorts } from '#test/lab/programs.ts';

const TICKET = Buffer.from('a ticket');
const TIMEOUT_MS = 500;

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

async function freePort(): Promise<number> {
  const [port] = await freePorts('127.0.0.1');
  return port;
}

/** The agent, listening with `key` for the call about `ticket`. */
async function agentListens(key: KeyObject, ticket = TICKET): Promise<number> {
  const port = await freePort();
  const options = { port, key, ticket: ticket.toString('base64url') };
  open.push(await listenForCallback(options, { now: systemClock, random: systemRandom }));
  return port;
}

/** Something else that listens, with the right key. */
async function serves(key: KeyObject, answer: (socket: Socket) => void): Promise<number> {
  const certificate = buildSelfSigned(key, {
    commonName: 'x',
    serial: Uint8Array.of(1),
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 60_000),
  });
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const cert = encodePem('CERTIFICATE', certificate);
  return listening(createTlsServer({ key: pem, cert, ALPNProtocols: ['http/1.1'] }, answer));
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('secureConnection', (socket: Socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const call = (port: number, key: KeyObject, override: Partial<Callback> = {}): Promise<CallbackOutcome> =>
  callBack({
    origin: origin('127.0.0.1'),
    port,
    timeoutMs: TIMEOUT_MS,
    spki: createPublicKey(key).export({ type: 'spki', format: 'der' }),
    ticket: ticketId(TICKET),
    ...override,
  });

const code = (outcome: CallbackOutcome): string => (outcome.ok ? 'ok' : outcome.code);

describe('a node that is called back', () => {
  test('at its address, with the key of its request, is the one', async () => {
    const key = labKey();
    expect(await call(await agentListens(key), key)).toEqual({ ok: true });
  });

  test.each([
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey],
  ])('may have a key of type %s', async (_, newKey) => {
    const key = newKey();
    expect(await call(await agentListens(key), key)).toEqual({ ok: true });
  });

  test('over IPv6 is reached there', async () => {
    const key = labKey();
    expect(await call(await agentListens(key), key, { origin: origin('::1') })).toEqual({ ok: true });
  });

  test('with another key is not the one', async () => {
    expect(code(await call(await agentListens(labKey()), labKey()))).toBe('callback-key-mismatch');
  });

  test.each([
    ['no key', Uint8Array.of(0x30, 0x00)],
    ['a key that OpenSSL does not know', sequence(sequence(oid('1.3.6.1.4.1.99999.1')), bitString(Uint8Array.of(1)))],
  ])('is not the one where %s was quoted', async (_, spki) => {
    const key = labKey();
    expect(code(await call(await agentListens(key), key, { spki }))).toBe('callback-key-mismatch');
  });

  test('about another ticket is not the one', async () => {
    const key = labKey();
    expect(code(await call(await agentListens(key, Buffer.from('another')), key))).toBe('callback-unreachable');
  });

  test('where nobody listens is not reached', async () => {
    expect(await call(await freePort(), labKey())).toMatchObject({
      code: 'callback-unreachable',
      detail: 'ECONNREFUSED',
    });
  });

  test.each<[string, string]>([
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n\r\n'],
    ['200', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 204 No Content\r\n\r\n'],
    ['2040', 'HTTP/1.1 2040\r\n\r\n'],
    ['a line without end', 'HTTP/1.1 204 '.padEnd(100_000, 'x')],
    ['nothing, and hangs up', ''],
  ])('that answers %s is not the one', async (_, text) => {
    const key = labKey();
    const port = await serves(key, (socket) => void socket.once('data', () => socket.end(text)));
    expect(code(await call(port, key))).toBe('callback-unreachable');
  });

  test('may send its answer in pieces, and without a reason phrase', async () => {
    const pieces = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 2');
        setTimeout(() => socket.write('04\r\n\r\n'), 20);
      });
    };
    expect(await call(await serves(KEY, pieces), KEY, { timeoutMs: 5_000 })).toEqual({ ok: true });
  });

  test('that hangs up is known to have, before the time is up', async () => {
    const port = await serves(KEY, (socket) => void socket.once('data', () => socket.end()));
    expect(await call(port, KEY, { timeoutMs: 60_000 })).toMatchObject({ detail: 'the connection was closed' });
  });

  test('that says more than a status line may have is not listened to for longer', async () => {
    const port = await serves(KEY, (socket) => void socket.once('data', () => socket.write('x'.repeat(128))));
    expect(await call(port, KEY, { timeoutMs: 60_000 })).toMatchObject({ detail: 'the answer is not 204' });
  });

  test('is asked for HTTP/1.1, under the ticket’s name', async () => {
    const asked = Promise.withResolvers<string>();
    const port = await serves(KEY, (socket) => {
      socket.once('data', (chunk: Buffer) => {
        asked.resolve(`${'alpnProtocol' in socket ? String(socket.alpnProtocol) : ''} ${chunk.toString()}`);
        socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    });
    expect(await call(port, KEY)).toEqual({ ok: true });
    expect(await asked.promise).toBe(
      `http/1.1 GET /v1/callback/${ticketId(TICKET)} HTTP/1.1\r\nHost: callback\r\nConnection: close\r\n\r\n`,
    );
  });

  test.each<[string, () => Promise<number>]>([
    ['begins no handshake', () => listening(createTcpServer(() => undefined))],
    ['answers nothing', () => serves(KEY, () => undefined)],
  ])('that %s is waited for no longer than the policy says', async (_, start) => {
    const port = await start();
    const started = performance.now();
    expect(code(await call(port, KEY))).toBe('callback-unreachable');
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS + 1_000);
  });
});

const KEY = labKey();
