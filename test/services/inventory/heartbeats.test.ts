import { randomUUID } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import type { NodeId } from '#core/ids.ts';
import { nodeDetailSchema } from '#protocol/inventory.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { joinedIdentity, unrecordedIdentity } from '#test/lab/node-identity.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { labAdministrator, type TlsIdentity } from '#test/lab/service-pki.ts';

const beat = (override: object = {}) => ({
  bootId: '3e1c0f6a-7f0b-4f0e-9d55-0a1b2c3d4e5f',
  agentVersion: '1.2.3',
  clock: systemClock().toISOString(),
  ...override,
});

describe('POST /v1/heartbeats', () => {
  let running: RunningService;
  let identity: TlsIdentity;
  let nodeId: NodeId;
  let client: LabClient;
  let clockOffsetMs = 0;
  const send = (body: object | string = beat(), by: LabClient = client) =>
    by.send({ method: 'POST', path: '/v1/heartbeats', body });
  const shown = async () => {
    const admin = running.admin(await running.administrator());
    return nodeDetailSchema.parse((await admin.send({ path: '/v1/nodes/worker-7' })).json).node;
  };
  const types = async () => (await running.store.readAudit(0, 1_000)).map(({ type }) => type);

  beforeAll(async () => {
    running = await runService({ now: () => new Date(systemClock().getTime() + clockOffsetMs) });
    await enrol(running.store, running.tpm);
    identity = await joinedIdentity(running);
    const [node] = await running.store.listNodes({}, { limit: 1 });
    if (node === undefined) throw new Error('worker-7 is enrolled');
    nodeId = node.id;
  });
  beforeEach(() => {
    client = running.node(1, identity);
  });
  afterEach(() => {
    clockOffsetMs = 0;
    running.store.setNodeState(nodeId, 'joined');
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('tells a joined node when to come again, and shows what it said', async () => {
    const answer = await send(beat({ clock: new Date(systemClock().getTime() - 60_000).toISOString() }));
    expect(answer).toMatchObject({ status: 200, json: { nextSeconds: 30, renewNow: false } });
    const node = await shown();
    expect(node).toMatchObject({ bootId: beat().bootId, agentVersion: '1.2.3', bootsSeen: 1 });
    expect(node.lastHeartbeatAt).toBeDefined();
    expect(node.clockOffsetMs).toBeLessThan(-59_000);
    expect(node.clockOffsetMs).toBeGreaterThan(-70_000);
  });

  test('answers a node that an administrator told to renew, until it has joined again', async () => {
    const admin = running.admin(await running.administrator());
    const path = '/v1/nodes/worker-7/renewal';
    expect(await admin.send({ method: 'POST', path, body: {} })).toMatchObject({ status: 200 });
    expect((await send()).json).toMatchObject({ renewNow: true });
    expect((await send()).json).toMatchObject({ renewNow: true });
    const renewed = await joinedIdentity(running);
    expect((await send(beat(), running.node(1, renewed))).json).toMatchObject({ renewNow: false });
    expect(await types()).toContain('node.renewal-requested');
    const unknown = await admin.send({ method: 'POST', path: path.replace('7', '8'), body: {} });
    expect(unknown).toMatchObject({ status: 404 });
  });

  test.each([
    ['a member that there is not', { more: 1 }],
    ['a boot id in capitals', { bootId: beat().bootId.toUpperCase() }],
    ['a clock that is none', { clock: 'now' }],
    ['a version with a line break', { agentVersion: '1\n2' }],
  ])('refuses %s', async (_, override) => {
    expect(await send(beat(override))).toMatchObject({ status: 400, problem: 'malformed-request' });
  });

  test.each<[string, number, () => Promise<TlsIdentity | undefined>]>([
    ['no certificate', 0, () => Promise.resolve(undefined)],
    ['an administrator’s certificate', 0, () => labAdministrator(running.ca.management)],
    ['a certificate that the node CA signed and nobody recorded', 1, () => unrecordedIdentity(running.ca)],
  ])('refuses %s, and records what the CA signed: %i', async (_, recorded, make) => {
    const refusals = async () => (await types()).filter((type) => type === 'heartbeat.refused').length;
    const before = await refusals();
    expect(await send(beat(), running.node(1, await make()))).toMatchObject({
      status: 401,
      problem: 'authentication-required',
    });
    expect(await refusals()).toBe(before + recorded);
  });

  test.each(['barred', 'quarantined', 'retired', 'pending', 'enrolled'] as const)(
    'refuses a node that is %s on the connection that it kept open, and records that once',
    async (state) => {
      expect(await send()).toMatchObject({ status: 200 });
      running.store.setNodeState(nodeId, state);
      const before = (await types()).filter((type) => type === 'heartbeat.refused').length;
      const problem = state === 'barred' ? 'node-barred' : 'permission-denied';
      expect(await send()).toMatchObject({ status: 403, problem });
      expect(await send()).toMatchObject({ status: 403, problem });
      expect((await types()).filter((type) => type === 'heartbeat.refused')).toHaveLength(before + 1);
      running.store.setNodeState(nodeId, 'joined');
      expect(await send()).toMatchObject({ status: 200 });
    },
  );

  test('refuses a certificate that ran out on the connection that it kept open', async () => {
    expect(await send()).toMatchObject({ status: 200 });
    clockOffsetMs = 48 * 3_600_000;
    expect(await send()).toMatchObject({ status: 401 });
  });

  test('lets a node whose certificate is not good join all the same', async () => {
    const challenge = await running.node(1, await unrecordedIdentity(running.ca)).send({
      method: 'POST',
      path: '/v1/challenges',
      body: {},
    });
    expect(challenge).toMatchObject({ status: 400, problem: 'malformed-request' });
  });

  test('refuses a node that sends more than it was asked for', async () => {
    const answers = [];
    for (let n = 0; n < 40; n += 1) answers.push((await send(beat({ bootId: randomUUID() }))).status);
    expect(answers).toContain(429);
  });
});
