import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Listener, type ListenerOptions, startListener } from '#services/http/server.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

let options: ListenerOptions;
let listener: Listener;
let ca: string;

const answerOk: RequestListener = (request, response) => {
  request.on('end', () => response.end('ok'));
  request.resume();
};

beforeAll(async () => {
  const { management } = await labNodeCa({ now: new Date() });
  const server = await labServerIdentity(management);
  ca = certificatePem(management.certificate);
  options = {
    host: '127.0.0.1',
    port: 0,
    certificate: server.certificatePem,
    key: server.keyPem,
    clientCa: undefined,
    maxConnections: 8,
    keepAliveMs: 100,
    deadlines: { handshakeMs: 100, headersMs: 100, requestMs: 200, checkMs: 20 },
  };
  listener = await startListener(options, answerOk);
});

afterAll(() => listener[Symbol.asyncDispose]());

/** Writes `text` and does nothing more; resolves to what came back once the service has cut the connection. */
async function answerTo(text: string): Promise<string> {
  const socket = connectTls({ host: listener.host, port: listener.port, ca });
  socket.on('error', () => undefined);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.write(text);
  await new Promise((resolve) => {
    socket.once('end', resolve);
    socket.once('close', resolve);
  });
  socket.destroy();
  return answer.split('\r\n', 1)[0] ?? '';
}

describe('a listener cuts off a caller', () => {
  test('who connects and begins no handshake', async () => {
    const socket = connectTcp(listener.port, listener.host);
    socket.on('error', () => undefined);
    await once(socket, 'close');
    expect(socket.bytesRead).toBe(0);
  });

  test.each<[string, string, string]>([
    ['who says nothing', '', 'HTTP/1.1 408 Request Timeout'],
    ['who does not finish a request’s head', 'POST / HTTP/1.1\r\nHost: x\r\n', 'HTTP/1.1 408 Request Timeout'],
    [
      'who does not finish a body',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
      'HTTP/1.1 408 Request Timeout',
    ],
    ['who is answered and asks nothing more', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.1 200 OK'],
    ['who speaks no HTTP, and does not close either', 'hello\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
  ])('%s', async (_, text, answer) => {
    expect(await answerTo(text)).toBe(answer);
  });
});

test('a listener takes no more connections than it may', async () => {
  await using small = await startListener({ ...options, maxConnections: 2, deadlines: undefined }, answerOk);
  const open = () => {
    const socket = connectTls({ host: small.host, port: small.port, ca });
    socket.on('error', () => undefined);
    const ended = Promise.withResolvers<string>();
    socket.once('secureConnect', () => ended.resolve('taken'));
    socket.once('close', () => ended.resolve('refused'));
    return { socket, outcome: ended.promise };
  };
  const [first, second] = [open(), open()];
  expect([await first.outcome, await second.outcome]).toEqual(['taken', 'taken']);
  expect(await open().outcome).toBe('refused');
  first.socket.destroy();
  await once(first.socket, 'close');
  await expect.poll(() => open().outcome).toBe('taken');
  second.socket.destroy();
});
