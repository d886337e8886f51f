import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { fakeClock } from '#test/fakes/fake-clock.ts';
import { authorizerLab, nodeReview, WEBHOOK } from '#test/lab/authorizer-lab.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { joinedIdentity, unrecordedIdentity } from '#test/lab/node-identity.ts';
import { changeNode } from '#test/lab/revocation-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { httpText, readAnswer, sClient } from '#test/lab/s-client.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEvent } from '#test/lab/store-values.ts';

const BEAT = { bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f', agentVersion: '1.2.3', clock: '2026-11-21T10:00:00Z' };
const HEARTBEAT = httpText('POST', '/v1/heartbeats', BEAT);

describe('T70 a certificate that ceased to count, on connections and sessions from before', () => {
  let running: RunningService;
  let node: NodeRecord;
  let identity: TlsIdentity;
  let count = 0;

  beforeAll(async () => {
    running = await runService();
    node = await enrol(running.store, running.tpm);
  });
  beforeEach(async () => {
    identity = await joinedIdentity(running);
  });
  afterAll(() => running[Symbol.asyncDispose]());

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

  test.each<[string, () => Promise<unknown>, string]>([
    ['barred', () => changeNode(running.store, node, 'bar', { at: systemClock() }), '403'],
    ['quarantined', () => changeNode(running.store, node, 'quarantine', { at: systemClock() }), '403'],
    ['retired', () => changeNode(running.store, node, 'retire', { at: systemClock() }), '401'],
    ['deprived of its certificate', () => revoke(), '401'],
  ])(
    'T70 a session that a node offers back through OpenSSL is not resumed, and refused: %s',
    async (_, end, status) => {
      const [tpm, name] = [labTpm(), `worker-${++count}`];
      node = await enrol(running.store, tpm, { name });
      identity = await joinedIdentity(running, { tpm, name });
      using client = sClient(identity, running.caPem);
      const { port } = running.service.node;
      const open = running.node(1, identity);
      expect(await beat(open)).toBe(200);
      expect(readAnswer(await client.send(port, HEARTBEAT, 'session'))).toEqual({ status: '200', isResumed: false });
      await end();
      expect(readAnswer(await client.send(port, HEARTBEAT, 'session'))).toEqual({ status, isResumed: false });
      expect(await beat(open)).toBe(Number(status));
    },
  );

  test('T70 a session that an administrator offers back through OpenSSL is not resumed, and refused', async () => {
    const who = await running.administrator();
    using client = sClient(who, running.caPem);
    const { port } = running.service.admin;
    const text = httpText('GET', '/v1/whoami');
    expect(readAnswer(await client.send(port, text, 'session'))).toEqual({ status: '200', isResumed: false });
    running.list();
    expect(readAnswer(await client.send(port, text, 'session'))).toEqual({ status: '401', isResumed: false });
  });

  test('T70 an API server whose certificate has ended is refused by the authorizer, on its connection and its session', async () => {
    const clock = fakeClock(systemClock());
    await using lab = await authorizerLab({ now: clock.now });
    await using authorizer = await lab.start();
    using client = sClient(lab.apiServer, lab.caPem);
    const { port } = authorizer.authorizer.webhook;
    const review = nodeReview('worker-1');
    const text = httpText('POST', WEBHOOK, review);
    const open = authorizer.client();
    const ask = async () => (await open.send({ method: 'POST', path: WEBHOOK, body: review })).status;
    expect(await ask()).toBe(200);
    expect(readAnswer(await client.send(port, text, 'session'))).toEqual({ status: '200', isResumed: false });
    clock.advance(3_650 * 86_400_000);
    expect(await ask()).toBe(403);
    expect(readAnswer(await client.send(port, text, 'session'))).toEqual({ status: '403', isResumed: false });
  });

  async function revoke(): Promise<void> {
    const [certificate] = await running.store.listCertificates(node.id, 1);
    if (certificate === undefined) throw new Error('it joined');
    const certificates = [{ serial: certificate.serial, event: labEvent({ nodeName: undefined }) }];
    await running.store.revokeCertificates({ at: systemClock(), reason: 'keyCompromise', certificates });
  }
});
