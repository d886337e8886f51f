import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { afterEach, beforeAll, describe, expect, test } from 'vitest';

import { type CallerOrigins, callerOrigins, type ProxyOptions } from '#services/http/caller-origin.ts';
import { type Listener, startListener } from '#services/http/server.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { proxyHeader } from '#test/lab/proxy-header.ts';
import { certificatePem, labServerIdentity, type TlsIdentity } from '#test/lab/service-pki.ts';

const PROXY = '127.0.0.1';
const STRANGER = '127.0.0.2';
/** Longer than a busy machine takes for anything here. */
const PATIENT_MS = 15_000;

let identity: TlsIdentity;
let ca: string;
let listener: Listener | undefined;
let refused: string[] = [];

beforeAll(async () => {
  const { management } = await labNodeCa({ now: new Date() });
  identity = await labServerIdentity(management);
  ca = certificatePem(management.certificate);
});

afterEach(async () => {
  await listener?.[Symbol.asyncDispose]();
  listener = undefined;
  refused = [];
});

/** A listener that answers with what it takes its caller's address to be. */
async function start(
  options: ProxyOptions,
  headerTimeoutMs = PATIENT_MS,
): Promise<{ readonly port: number; readonly origins: CallerOrigins }> {
  const origins = callerOrigins(options, {
    headerTimeoutMs,
    headerRefused: (proxy, fault) => refused.push(`${proxy} ${fault}`),
  });
  listener = await startListener(
    {
      host: '127.0.0.1',
      port: 0,
      certificate: identity.certificatePem,
      key: identity.keyPem,
      clientCa: undefined,
      maxConnections: 64,
      keepAliveMs: 100,
      admit: origins.admit,
      deadlines: { handshakeMs: PATIENT_MS, headersMs: PATIENT_MS, requestMs: PATIENT_MS, checkMs: 20 },
    },
    (request, response) => response.end(String(origins.of(request))),
  );
  return { port: listener.port, origins };
}

async function open(from: string): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: listener?.port ?? 0, localAddress: from });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** The body of the answer to one request over `socket`, or `cut`. */
async function ask(socket: Socket, headers = ''): Promise<string> {
  const tls = connectTls({ socket, ca, servername: 'localhost', checkServerIdentity: () => undefined });
  tls.on('error', () => undefined);
  let answer = '';
  tls.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  tls.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
  await new Promise((resolve) => void tls.once('close', resolve));
  return answer === '' ? 'cut' : (answer.split('\r\n\r\n').at(-1) ?? '').replaceAll(/^[0-9a-f]+\r\n|\r\n/g, '');
}

/** `bytes`, then a request. */
async function askAfter(bytes: Uint8Array, from = PROXY, headers = ''): Promise<string> {
  const socket = await open(from);
  if (bytes.byteLength > 0) socket.write(bytes);
  return ask(socket, headers);
}

const NONE = new Uint8Array();
const V2: ProxyOptions = { mode: 'proxy-v2', trustedProxies: [`${PROXY}/32`] };
const FORWARDED: ProxyOptions = { mode: 'x-forwarded-for', trustedProxies: [`${PROXY}/32`], hops: 1 };

describe('a listener behind proxies that speak the PROXY protocol', () => {
  test.each<[string, Uint8Array, string, string]>([
    ['takes a trusted proxy’s word', proxyHeader('10.1.2.3'), PROXY, '10.1.2.3'],
    ['takes it for IPv6', proxyHeader('fd00::7'), PROXY, 'fd00::7'],
    ['takes it for an IPv4-mapped address', proxyHeader('::ffff:a01:203'), PROXY, '10.1.2.3'],
    ['takes the proxy’s own connections for the proxy’s', proxyHeader('10.1.2.3', { command: 0x20 }), PROXY, PROXY],
    ['cuts a trusted proxy off that says nothing of the caller', NONE, PROXY, 'cut'],
    ['cuts a trusted proxy off that says it wrongly', proxyHeader('10.1.2.3', { family: 0x12 }), PROXY, 'cut'],
    ['takes a stranger’s own address', NONE, STRANGER, STRANGER],
    ['does not listen to a stranger who says it is another', proxyHeader('10.1.2.3'), STRANGER, 'cut'],
  ])('%s', async (_, bytes, from, expected) => {
    await start(V2);
    expect(await askAfter(bytes, from)).toBe(expected);
    expect(refused).toHaveLength(from === PROXY && expected === 'cut' ? 1 : 0);
  });

  test('looks at no header of a request', async () => {
    await start(V2);
    expect(await askAfter(proxyHeader('10.1.2.3'), PROXY, 'X-Forwarded-For: 10.9.9.9\r\n')).toBe('10.1.2.3');
  });

  test('reads a header that comes byte by byte', async () => {
    await start(V2);
    const socket = await open(PROXY);
    socket.setNoDelay(true);
    for (const byte of proxyHeader('10.1.2.3')) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await ask(socket)).toBe('10.1.2.3');
  });

  test('cuts off a trusted proxy that does not finish its header', async () => {
    await start(V2, 100);
    const socket = await open(PROXY);
    socket.write(proxyHeader('10.1.2.3').subarray(0, 20));
    await once(socket, 'close');
    expect(refused).toEqual([`${PROXY} timeout`]);
  });

  test('tells many connections of one proxy apart', async () => {
    await start(V2);
    const addresses = Array.from({ length: 40 }, (_, index) => `10.1.0.${index}`);
    expect(await Promise.all(addresses.map((address) => askAfter(proxyHeader(address))))).toEqual(addresses);
  });
});

describe('a listener behind proxies that forward requests', () => {
  test.each<[string, string, string, string]>([
    ['takes a trusted proxy’s word', 'X-Forwarded-For: 10.1.2.3\r\n', PROXY, '10.1.2.3'],
    ['takes the last entry', 'X-Forwarded-For: 10.9.9.9, 10.1.2.3\r\n', PROXY, '10.1.2.3'],
    ['takes the last of two headers', 'X-Forwarded-For: 10.9.9.9\r\nX-Forwarded-For: 10.1.2.3\r\n', PROXY, '10.1.2.3'],
    ['refuses a trusted proxy without the header', '', PROXY, 'undefined'],
    ['refuses a trusted proxy with a broken one', 'X-Forwarded-For: 10.1.2.3:99\r\n', PROXY, 'undefined'],
    ['does not look at Forwarded', 'Forwarded: for=10.1.2.3\r\n', PROXY, 'undefined'],
    ['does not listen to a stranger', 'X-Forwarded-For: 10.1.2.3\r\n', STRANGER, STRANGER],
  ])('%s', async (_, headers, from, expected) => {
    await start(FORWARDED);
    expect(await askAfter(NONE, from, headers)).toBe(expected);
  });
});

test('a listener that knows no proxy listens to nobody', async () => {
  await start({ mode: 'none' });
  expect(await askAfter(NONE, PROXY, 'X-Forwarded-For: 10.1.2.3\r\n')).toBe(PROXY);
  expect(await askAfter(proxyHeader('10.1.2.3'), PROXY)).toBe('cut');
});
