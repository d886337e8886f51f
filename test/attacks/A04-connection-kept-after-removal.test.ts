import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { answerName } from '#test/lab/two-nodes.ts';
import { joinOverWire } from '#test/lab/wire.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

describe('A04 a TLS session resumed, or a connection kept open, after its certificate ceased to count', () => {
  let running: RunningService;
  let identity: TlsIdentity;

  beforeAll(async () => {
    running = await runService();
    identity = await running.administrator();
  });

  afterAll(() => running[Symbol.asyncDispose]());

  const dial = async (extra: ConnectionOptions = {}): Promise<TLSSocket> => {
    const { host, port } = running.service.admin;
    const { certificatePem: cert, keyPem: key } = identity;
    const socket = connect({ host, port, ca: running.caPem, cert, key, ...extra });
    await once(socket, 'secureConnect');
    return socket;
  };

  /** The status line of one request on an open connection. */
  const ask = async (socket: TLSSocket): Promise<string> => {
    socket.write('GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [chunk]: Buffer[] = await once(socket, 'data');
    return String(chunk).slice(9, 12);
  };

  test('A04 an open connection is refused from the next request on, and serves again when the certificate counts again', async () => {
    const socket = await dial();
    expect(await ask(socket)).toBe('200');
    running.list();
    expect(await ask(socket)).toBe('401');
    expect(await ask(socket)).toBe('401');
    running.list(identity);
    expect(await ask(socket)).toBe('200');
    socket.destroy();
  });

  test('A04 a list that cannot be read counts nobody, on an open connection too', async () => {
    const socket = await dial();
    running.writeList('administrators: everybody');
    expect(await ask(socket)).toBe('503');
    running.list(identity);
    expect(await ask(socket)).toBe('200');
    socket.destroy();
  });

  test('A04 a session that is offered back is not resumed, so the certificate is looked at again', async () => {
    const socket = await dial();
    const sessions: Buffer[] = [];
    socket.on('session', (session: Buffer) => sessions.push(session));
    expect(await ask(socket)).toBe('200');
    expect(await ask(socket)).toBe('200');
    socket.destroy();
    running.list();
    for (const session of sessions) {
      const again = await dial({ session });
      expect(again.isSessionReused()).toBe(false);
      expect(await ask(again)).toBe('401');
      again.destroy();
    }
    running.list(identity);
  });

  test('A04 a node that was barred is refused on the connection that it joined over a moment ago', async () => {
    const node = await enrol(running.store, running.tpm);
    const client = running.node();
    expect(answerName(await joinOverWire(client, running.tpm))).toBe('ok');
    await changeNode(running.store, node, 'bar', { at: systemClock(), reason: 'keyCompromise' });
    expect(answerName(await joinOverWire(client, running.tpm))).toBe('node-barred');
    expect(answerName(await joinOverWire(running.node(), running.tpm))).toBe('node-barred');
  });

  test('A04 TLS 1.2, where sessions could be resumed by their id, is not spoken', async () => {
    await expect(dial({ maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
  });
});
