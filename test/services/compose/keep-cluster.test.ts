import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { CONTAINED_KEY, CORDONED_KEY, NODE_ID_KEY } from '#services/kubernetes/node-controller/node-plan.ts';
import { RATING_KEY } from '#attestation/protection-rating.ts';
import { type ClusterLab, clusterLab } from '#test/lab/cluster-lab.ts';
import { labNodeId, labNodeName } from '#test/lab/store-values.ts';

let lab: ClusterLab;
beforeEach(async () => {
  lab = await clusterLab();
});
afterEach(() => lab[Symbol.asyncDispose]());

const NAME = labNodeName(1);
const FOREIGN = { key: 'example.org/disk', value: 'slow', effect: 'NoSchedule', timeAdded: '2026-11-21T10:00:00Z' };
const RATED = { key: RATING_KEY, value: 'protected', effect: 'NoSchedule' };
const contained = (value: string) => ({ key: CONTAINED_KEY, value, effect: 'NoExecute' });

const node = (name: string, spec: object = {}, labels: Record<string, string> = {}) =>
  lab.api.put('nodes', { metadata: { name, labels: { 'example.org/rack': '7', ...labels } }, spec: { ...spec } });
const pod = (name: string, nodeName: string) =>
  lab.api.put('pods', { metadata: { name, namespace: 'default' }, spec: { nodeName } });
const taints = (name: string = NAME) => lab.api.object('nodes', name)?.spec['taints'];
const labels = (name: string = NAME) => lab.api.object('nodes', name)?.metadata.labels;
const isCordoned = (name: string = NAME) => lab.api.object('nodes', name)?.spec['unschedulable'] === true;
const SOON = { timeout: 5_000, interval: 20 };
const recorded = async () =>
  (await lab.store.readAudit(0, 1_000))
    .filter(({ type }) => type === 'cluster.node-changed')
    .map(({ facts }) => facts['actions']);

describe('a joined node', () => {
  test('has its rating on its Node, beside what others wrote there', async () => {
    await lab.put(1, 'joined');
    node(NAME, { taints: [FOREIGN] });
    await lab.start();
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED]);
    expect(labels()).toEqual({ 'example.org/rack': '7', [RATING_KEY]: 'protected', [NODE_ID_KEY]: labNodeId(1) });
    expect(isCordoned()).toBe(false);
  });

  test('is left alone while another process leads, and looked at when this one does', async () => {
    lab.leads.now = false;
    await lab.put(1, 'joined');
    node(NAME);
    lab.api.put('leases', { metadata: { name: NAME }, spec: { renewTime: new Date().toISOString() } });
    await lab.start();
    await expect.poll(() => lab.api.openWatches, SOON).toBe(2);
    await lab.put(1, 'joined');
    node(NAME, { taints: [FOREIGN] });
    await expect.poll(() => lab.store.auditHead(), SOON).toMatchObject({ sequence: 3 });
    expect([lab.api.writes, lab.leases.size]).toEqual([[], 0]);
    lab.leads.now = true;
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED]);
  });

  test('gets it when its Node appears, and again when somebody takes it off', async () => {
    await lab.put(1, 'joined');
    await lab.start();
    await expect.poll(() => lab.api.openWatches, SOON).toBe(2);
    node(NAME);
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    node(NAME, { taints: [FOREIGN] });
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED]);
  });

  test.each([
    ['highly-protected', 'highly-protected', [{ ...RATED, value: 'highly-protected' }]],
    ['default', 'default', []],
    // Unknown: nothing that asks for a rating may come, and whoever was kept off still is.
    [undefined, undefined, [RATED]],
  ] as const)('follows its rating to %s', async (rating, label, expected) => {
    await lab.put(1, 'joined');
    node(NAME);
    await lab.start();
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    lab.rating.of = rating;
    await lab.put(1, 'joined');
    await expect.poll(() => labels()?.[RATING_KEY], SOON).toBe(label);
    expect(taints()).toEqual(expected);
  });

  test('is left alone once it is as it should be', async () => {
    await lab.put(1, 'joined');
    node(NAME);
    await lab.start();
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    for (let n = 0; n < 5; n += 1) await lab.put(1, 'joined');
    await lab.put(2, 'joined');
    node(labNodeName(2));
    await expect.poll(() => taints(labNodeName(2)), SOON).toEqual([RATED]);
    expect(lab.api.writes.filter(({ path }) => path.endsWith(NAME))).toHaveLength(1);
  });

  test('gets a Node where kubelets do not register, and no other node does', async () => {
    await lab.put(1, 'joined');
    await lab.put(2, 'enrolled');
    await lab.put(3, 'barred');
    await lab.start({ createNodes: true });
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    expect([2, 3].map((n) => lab.api.object('nodes', labNodeName(n)))).toEqual([undefined, undefined]);
  });
});

describe('a node that is barred', () => {
  const bar = async (options = {}) => {
    await lab.put(1, 'joined');
    node(NAME, { taints: [FOREIGN] });
    pod('on-it', NAME);
    pod('elsewhere', labNodeName(2));
    await lab.start(options);
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED]);
    await lab.put(1, 'barred');
  };
  const barred = async (options = {}) => {
    await bar(options);
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED, contained('barred')]);
  };

  test('is tainted NoExecute and cordoned, its pods are deleted and nobody else’s, and it is on record', async () => {
    await barred();
    await expect.poll(() => lab.api.object('pods', 'on-it'), SOON).toBeUndefined();
    expect([isCordoned(), labels()?.[CORDONED_KEY]]).toEqual([true, 'true']);
    expect(lab.api.object('pods', 'elsewhere')).toBeDefined();
    await expect.poll(recorded).toEqual([['labels', 'taints'], ['labels', 'taints', 'cordon'], ['delete-pods']]);
  });

  test('keeps its pods where nothing is to be deleted', async () => {
    await barred({ deletePods: 'never' });
    await lab.put(2, 'joined');
    node(labNodeName(2));
    await expect.poll(() => taints(labNodeName(2)), SOON).toEqual([RATED]);
    expect(lab.api.object('pods', 'on-it')).toBeDefined();
  });

  test('loses its Node after its pods, where that is configured', async () => {
    // It may be gone before anybody sees its taint.
    await bar({ deletePods: 'never', deleteNode: 'barred' });
    await expect.poll(() => lab.api.object('nodes', NAME), SOON).toBeUndefined();
    expect(lab.api.object('pods', 'on-it')).toBeUndefined();
    const deletions = lab.api.writes.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
    expect(deletions).toEqual(['/api/v1/namespaces/default/pods/on-it', `/api/v1/nodes/${NAME}`]);
  });

  test('stays so while it has not joined again, and is given back as it was found when it has', async () => {
    await barred();
    await lab.put(1, 'enrolled');
    await lab.put(2, 'joined');
    node(labNodeName(2));
    await expect.poll(() => taints(labNodeName(2)), SOON).toEqual([RATED]);
    expect(taints()).toEqual([FOREIGN, RATED, contained('barred')]);
    await lab.put(1, 'joined');
    await expect.poll(() => taints(), SOON).toEqual([FOREIGN, RATED]);
    expect([isCordoned(), labels()?.[CORDONED_KEY]]).toEqual([false, undefined]);
  });
});

test('a cordon that somebody else set stays when the node is released', async () => {
  await lab.put(1, 'quarantined');
  node(NAME, { unschedulable: true });
  await lab.start();
  await expect.poll(() => taints(), SOON).toEqual([contained('quarantined')]);
  await lab.put(1, 'joined');
  await expect.poll(() => taints(), SOON).toEqual([RATED]);
  expect(isCordoned()).toBe(true);
});

test('the Node of a retired node is contained, and its name’s next bearer is not', async () => {
  await lab.put(1, 'joined');
  node(NAME);
  await lab.start();
  await expect.poll(() => taints(), SOON).toEqual([RATED]);
  await lab.put(1, 'retired');
  await expect.poll(() => taints(), SOON).toEqual([RATED, contained('retired')]);
});

test('a Node that Muster does not manage is never written to, whatever it says of itself', async () => {
  await lab.put(1, 'retired');
  await lab.put(2, 'joined');
  node('control-plane-1');
  node('stranger', {}, { [NODE_ID_KEY]: labNodeId(1) });
  node('stranger-2', { taints: [contained('barred')] }, { [CORDONED_KEY]: 'true' });
  node(labNodeName(2));
  await lab.start();
  await expect.poll(() => taints(labNodeName(2)), SOON).toEqual([RATED]);
  // Whatever was begun before is done when a later node has had its turn.
  await lab.put(3, 'joined');
  node(labNodeName(3));
  await expect.poll(() => taints(labNodeName(3)), SOON).toEqual([RATED]);
  expect(lab.api.writes.map(({ path }) => path)).toEqual([2, 3].map((n) => `/api/v1/nodes/${labNodeName(n)}`));
});

describe('whatever happens in between', () => {
  test('somebody else’s change is not overwritten: the Node is read again', async () => {
    await lab.put(1, 'joined');
    node(NAME);
    let times = 0;
    lab.api.beforeWrite = () => {
      times += 1;
      if (times <= 2) node(NAME, { taints: [{ ...FOREIGN, value: `v${times}` }] });
    };
    await lab.start();
    await expect.poll(() => taints(), SOON).toEqual([{ ...FOREIGN, value: 'v2' }, RATED]);
  });

  test('a bar while the API server is away is carried out when it is back', async () => {
    await lab.put(1, 'joined');
    node(NAME);
    await lab.start();
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    await lab.api.down();
    await lab.put(1, 'barred');
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    await lab.api.up();
    await expect.poll(() => taints(), SOON).toEqual([RATED, contained('barred')]);
    await expect.poll(() => lab.api.openWatches, SOON).toBe(2);
  });

  test('a server that only fails for a while is asked again', async () => {
    await lab.put(1, 'joined');
    node(NAME);
    lab.api.failsWith = 503;
    await lab.start();
    await expect.poll(() => lab.api.openWatches).toBe(0);
    lab.api.failsWith = undefined;
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
  });

  test.each(['told in the watch', 'told to the next watch'])(
    'history that the server has forgotten (%s) is listed anew',
    async (how) => {
      await lab.put(1, 'joined');
      await lab.start();
      await expect.poll(() => lab.api.openWatches, SOON).toBe(2);
      if (how === 'told in the watch') lab.api.expireWatches();
      else {
        await lab.api.down();
        lab.api.compact();
        await lab.api.up();
      }
      node(NAME);
      lab.api.compact();
      await expect.poll(() => taints(), SOON).toEqual([RATED]);
    },
  );

  test('the next process finishes what one did not, and undoes what one did', async () => {
    await lab.put(1, 'barred');
    // Half of it: tainted, and killed before the rest.
    node(NAME, { taints: [contained('barred')] });
    pod('on-it', NAME);
    const first = await lab.start();
    await expect.poll(() => isCordoned(), SOON).toBe(true);
    await expect.poll(() => lab.api.object('pods', 'on-it'), SOON).toBeUndefined();
    await first[Symbol.asyncDispose]();
    await lab.put(1, 'joined');
    await lab.start();
    await expect.poll(() => [taints(), isCordoned()], SOON).toEqual([[RATED], false]);
  });

  test('two processes at once come to the same', async () => {
    await lab.put(1, 'joined');
    node(NAME);
    await Promise.all([lab.start(), lab.start()]);
    await expect.poll(() => taints(), SOON).toEqual([RATED]);
    await lab.put(1, 'barred');
    await expect.poll(() => taints(), SOON).toEqual([RATED, contained('barred')]);
    await lab.put(1, 'joined');
    await expect.poll(() => [taints(), isCordoned()], SOON).toEqual([[RATED], false]);
  });
});

describe('what the cluster says of a node', () => {
  const lease = (name: string, renewTime: Date) =>
    lab.api.put('leases', { metadata: { name }, spec: { renewTime: renewTime.toISOString() } });

  test('is its Node’s UID and conditions, and its Lease', async () => {
    const cluster = await lab.start();
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-11-21T10:00:00Z', reason: 'x' }];
    const { uid } = lab.api.put('nodes', { metadata: { name: NAME }, status: { conditions } }).metadata;
    const at = new Date();
    lease(NAME, at);
    await expect.poll(() => cluster.view(NAME)?.leaseRenewedAt, SOON).toBe(at.toISOString());
    await expect
      .poll(() => cluster.view(NAME), SOON)
      .toEqual({
        nodeUid: uid,
        leaseRenewedAt: at.toISOString(),
        conditions: [{ type: 'Ready', status: 'True', since: '2026-11-21T10:00:00.000Z' }],
      });
    lab.api.remove('nodes', NAME);
    lab.api.remove('leases', NAME);
    await expect.poll(() => cluster.view(NAME), SOON).toBeUndefined();
  });

  test('an old Lease says nothing of now; one that is renewed does, and never more than now', async () => {
    lease(NAME, new Date(Date.now() - 3_600_000));
    lease(labNodeName(2), new Date());
    await lab.start();
    await expect.poll(() => [...lab.leases.keys()], SOON).toEqual([labNodeName(2)]);
    lease(NAME, new Date(Date.now() + 3_600_000));
    await expect.poll(() => lab.leases.has(NAME), SOON).toBe(true);
    expect(lab.leases.get(NAME)?.getTime()).toBeLessThanOrEqual(Date.now());
  });
});
