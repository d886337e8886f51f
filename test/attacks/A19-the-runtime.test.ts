import { globSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { nodeVersionFault } from '#services/node-version.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { answerName } from '#test/lab/two-nodes.ts';
import { joinOverWire } from '#test/lab/wire.ts';

const ROOT = join(import.meta.dirname, '../..');
const SERVER_SOURCES = globSync('{services,core,pki,attestation,tpm2,protocol}/**/*.ts', { cwd: ROOT });

describe('A19 what a stranger could end the process with in an old or a generous runtime', () => {
  let running: RunningService;

  beforeAll(async () => {
    running = await runService();
    await enrol(running.store, running.tpm);
  });

  afterAll(() => running[Symbol.asyncDispose]());

  test.each<[string, boolean]>([
    [process.version, true],
    ['v20.20.2', false],
    ['v22.22.2', false],
    ['v24.12.0', false],
    ['v24.13.0', true],
    ['v25.2.1', false],
    ['v26.0.0', true],
    ['', false],
  ])('A19 start-up takes Node.js %j: %s', (version, taken) => {
    expect(nodeVersionFault(version) === undefined).toBe(taken);
  });

  test('A19 no listener has HTTP/2, nor callbacks of TLS that a stranger could make throw', () => {
    const forbidden = /node:http2|\b(?:SNICallback|ALPNCallback|pskCallback|pskIdentityHint|enableTrace)\b/;
    const found = SERVER_SOURCES.filter((path) => forbidden.test(readFileSync(join(ROOT, path), 'utf8')));
    expect(SERVER_SOURCES.length).toBeGreaterThan(200);
    expect(found).toEqual([]);
  });

  const dial = async (options: ConnectionOptions): Promise<TLSSocket> => {
    const { host, port } = running.service.node;
    const socket = connect({ host, port, ca: running.caPem, ...options });
    await once(socket, 'secureConnect');
    return socket;
  };

  test('A19 offered HTTP/2 and HTTP/1.1 it takes HTTP/1.1', async () => {
    const socket = await dial({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test.each<[string, ConnectionOptions]>([
    ['HTTP/2 alone', { ALPNProtocols: ['h2'] }],
    ['a protocol that nobody speaks', { ALPNProtocols: ['x'.repeat(255)] }],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    [
      'a pre-shared key',
      { maxVersion: 'TLSv1.2', ciphers: 'PSK', pskCallback: () => ({ identity: 'x', psk: Buffer.alloc(16) }) },
    ],
  ])('A19 a handshake with %s fails, and the next join is answered', async (_, options) => {
    await expect(dial(options)).rejects.toThrow(/alert|protocol|ssl/i);
    expect(answerName(await joinOverWire(running.node(), running.tpm))).toBe('ok');
  });

  test.each([
    ['a name that is long', `${'a'.repeat(63)}.${'b'.repeat(63)}.example`],
    ['a name that is somebody else’s', 'kubernetes.default.svc'],
  ])('A19 a server name of %s changes nothing', async (_, servername) => {
    const socket = await dial({ servername, checkServerIdentity: () => undefined });
    expect(socket.authorized).toBe(true);
    socket.destroy();
  });

  test('A19 the preface of HTTP/2 after a handshake for HTTP/1.1 is refused, and the next join is answered', async () => {
    const socket = await dial({ ALPNProtocols: ['http/1.1'] });
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const [answer]: Buffer[] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    expect(answerName(await joinOverWire(running.node(), running.tpm))).toBe('ok');
  });
});
