import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { joinedIdentity, unrecordedIdentity } from '#test/lab/node-identity.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

const BEAT = { bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f', agentVersion: '1.2.3', clock: '2026-11-21T10:00:00Z' };
const HEARTBEAT = `POST /v1/heartbeats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${JSON.stringify(BEAT).length}\r\n\r\n${JSON.stringify(BEAT)}`;
const WHOAMI = 'GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

describe('T70 a certificate that ceased to count, on connections and sessions from before', () => {
  let running: RunningService;
  let node: NodeRecord;
  let identity: TlsIdentity;
  let folder: string;

  beforeAll(async () => {
    running = await runService();
    node = await enrol(running.store, running.tpm);
    folder = mkdtempSync(join(tmpdir(), 'muster-t70-'));
  });
  beforeEach(async () => {
    identity = await joinedIdentity(running);
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const beat = async (client: LabClient): Promise<number> =>
    (await client.send({ method: 'POST', path: '/v1/heartbeats', body: BEAT })).status;

  test('T70 a node is heard while it is joined, and refused from the next request on once it is barred', async () => {
    const open = running.node(1, identity);
    expect(await beat(open)).toBe(200);
    await changeNode(running.store, node, 'bar', { at: systemClock(), reason: 'keyCompromise' });
    expect(await beat(open)).toBe(403);
    expect(await beat(running.node(1, identity))).toBe(403);
    await changeNode(running.store, node, 'unbar', { at: systemClock() });
    expect(await beat(open)).toBe(401);
  });

  test('T70 a node in quarantine is refused, and heard again with the same certificate after its release', async () => {
    const open = running.node(1, identity);
    expect(await beat(open)).toBe(200);
    await changeNode(running.store, node, 'quarantine', { at: systemClock() });
    expect(await beat(open)).toBe(403);
    await changeNode(running.store, node, 'release', { at: systemClock() });
    expect(await beat(open)).toBe(200);
  });

  test('T70 a certificate that the node CA signed and the service did not record is refused', async () => {
    expect(await beat(running.node(1, identity))).toBe(200);
    expect(await beat(running.node(1, await unrecordedIdentity(running.ca)))).toBe(401);
  });

  /** One request through `openssl s_client`; a session is kept in, or offered from, `session`. */
  const throughOpenSsl = (
    port: number,
    who: TlsIdentity,
    text: string,
    session: readonly string[],
  ): Promise<string> => {
    writeFileSync(join(folder, 'identity.pem'), who.certificatePem + who.keyPem, { mode: 0o600 });
    writeFileSync(join(folder, 'ca.pem'), running.caPem);
    const files = ['-cert', 'identity.pem', '-cert_chain', 'identity.pem', '-key', 'identity.pem', '-CAfile', 'ca.pem'];
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof', ...files, ...session], {
      cwd: folder,
    });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('latin1');
    });
    child.once('error', reject);
    child.once('close', () => resolve(out));
    child.stdin.on('error', () => undefined);
    child.stdin.write(text);
    return promise;
  };

  test.each(['node', 'admin'] as const)(
    'T70 OpenSSL offers its session back on the %s listener, and is refused: no session is resumed',
    async (listener) => {
      const { port } = running.service[listener];
      const who = listener === 'node' ? identity : await running.administrator();
      const text = listener === 'node' ? HEARTBEAT : WHOAMI;
      const session = join(folder, `${listener}.session`);
      const before = await throughOpenSsl(port, who, text, ['-sess_out', session]);
      expect(before).toMatch(/HTTP\/1\.1 200 /);
      if (listener === 'node') await changeNode(running.store, node, 'quarantine', { at: systemClock() });
      else running.list();
      const offered = existsSync(session) ? ['-sess_in', session] : [];
      const after = await throughOpenSsl(port, who, text, offered);
      if (listener === 'node') await changeNode(running.store, node, 'release', { at: systemClock() });
      expect(after).not.toContain('Reused, ');
      expect(after).toMatch(listener === 'node' ? /HTTP\/1\.1 403 / : /HTTP\/1\.1 401 /);
    },
  );
});
