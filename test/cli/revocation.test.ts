import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { NodeId } from '#core/ids.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEvent, labIntent, labIssued, labJoin, labTake } from '#test/lab/store-values.ts';

import { type Desk, openDesk } from './administrator-desk.ts';

let desk: Desk;
const ids = new Map<string, NodeId>();
beforeAll(async () => {
  desk = await openDesk();
  const { store } = desk.running;
  for (const [name, pool] of [
    ['worker-1', 'general'],
    ['worker-2', 'general'],
    ['edge-1', 'edge'],
    ['edge-2', 'edge'],
    ['edge-3', 'edge'],
  ] as const) {
    ids.set(name, (await enrol(store, labTpm(), { name, pool })).id);
  }
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
});

/** Gives a node a certificate, as a join would. */
async function certify(n: number, name: string) {
  const { store } = desk.running;
  const nodeId = ids.get(name);
  const node = nodeId === undefined ? undefined : await store.findNode(nodeId);
  if (nodeId === undefined || node === undefined) throw new Error(`${name} is enrolled`);
  const begins = new Date();
  const ends = new Date(Date.now() + 3_600_000);
  const validity = { notBefore: begins, notAfter: ends };
  await store.takeTicket(labTake(n));
  const { serial } = labIntent(n);
  await store.reserveSerial(
    labIntent(n, { nodeId, nodeName: node.name, ...validity }),
    labTake(n).ticketId,
    labEvent(),
  );
  await store.recordIssued(labIssued(n, validity), labJoin(n, { nodeId }), labEvent());
  return { serial, fingerprint: labIssued(n).fingerprint };
}

const muster = (words: string, options?: Parameters<Desk['muster']>[1]) => desk.muster(words.split(' '), options);
const stateOf = async (name: string): Promise<string | undefined> => {
  const id = ids.get(name);
  return id === undefined ? undefined : (await desk.running.store.findNode(id))?.state;
};

describe('muster nodes bar, unbar, quarantine, release and retire', () => {
  test('take a node through its life, and say what was done', async () => {
    const { serial } = await certify(1, 'worker-1');
    const quarantined = await muster('nodes quarantine worker-1');
    expect([quarantined.exitCode, quarantined.out]).toEqual([0, expect.stringContaining('1 node quarantined.')]);
    expect((await muster('nodes release worker-1')).out).toMatch(/worker-1\s+general\s+quarantined\s+joined\s+1\n/);
    const barred = await muster('nodes bar worker-1 --reason keyCompromise --text opened -o json');
    expect(JSON.parse(barred.out)).toEqual({
      dryRun: false,
      change: 'bar',
      nodes: [{ name: 'worker-1', pool: 'general', from: 'joined', to: 'barred', certificates: [serial] }],
    });
    expect((await muster('nodes unbar worker-1')).exitCode).toBe(64);
    expect((await desk.muster(['nodes', 'unbar', 'worker-1', '--text', 'board replaced'])).exitCode).toBe(0);
    expect(await stateOf('worker-1')).toBe('enrolled');
    expect((await muster('nodes retire worker-1 -o yaml')).out).toContain('to: retired');
    expect((await muster('nodes bar worker-1')).exitCode).toBe(1);
  });

  test.for<[string, string, number, string]>([
    ['an unknown node', 'nodes bar worker-9', 1, 'there is no node named worker-9'],
    ['an unknown reason', 'nodes bar worker-2 --reason because', 65, 'one of unspecified, keyCompromise'],
    ['a state it does not start from', 'nodes release worker-2', 1, 'worker-2 is enrolled'],
    ['several that are in the way', 'nodes release worker-2 edge-1', 1, '  edge-1 is enrolled'],
    ['neither names nor a selector', 'nodes bar', 64, 'names or --selector'],
    ['both', 'nodes bar worker-2 --selector pool=edge', 64, 'names or --selector'],
    ['an empty selector', 'nodes bar --selector = --expect 1', 64, 'selector'],
    ['a selector by something else', 'nodes bar --selector ek=1 --expect 1', 64, 'selector'],
    ['a selector by the same twice', 'nodes bar --selector pool=a,pool=b --expect 1', 64, 'selector'],
    ['a selector of none', 'nodes bar --selector pool=none --expect 1', 1, 'it selects no node'],
    ['another number than expected', 'nodes bar --selector pool=edge --expect 2', 1, 'about 3 nodes, not 2'],
    ['a selector and nobody to ask', 'nodes bar --selector pool=edge', 64, 'Give --expect 3'],
  ])('refuse %s, and change nothing', async ([, words, exitCode, said]) => {
    const before = (await desk.running.store.auditHead()).sequence;
    const seen = await muster(words);
    expect([seen.exitCode, seen.err]).toEqual([exitCode, expect.stringContaining(said)]);
    expect((await desk.running.store.auditHead()).sequence).toBe(before);
  });

  test('show what a selector hits, and want the number typed', async () => {
    const words = ['nodes', 'quarantine', '--selector', 'pool=edge,name=edge-?'];
    const wrong = await desk.muster(words, { types: 'yes' });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.err).toMatch(/edge-1\s+edge\s+enrolled[\s\S]*edge-3[\s\S]*Type 3 to quarantine them: /);
    expect(await stateOf('edge-1')).toBe('enrolled');
    const right = await desk.muster(words, { types: ' 3\n' });
    expect([right.exitCode, right.out]).toEqual([0, expect.stringContaining('3 nodes quarantined.')]);
    expect(await stateOf('edge-3')).toBe('quarantined');
  });

  test('only show, where they are told to', async () => {
    const seen = await muster('nodes retire --selector state=quarantined --dry-run');
    expect([seen.exitCode, seen.out]).toEqual([0, expect.stringContaining('about 3 nodes; nothing was changed')]);
    expect(await stateOf('edge-1')).toBe('quarantined');
  });

  test.for(['viewer', 'auditor', 'policy-author', 'authorizer'])('are not for the role %s', async (role) => {
    expect((await muster('nodes bar worker-2', { role })).exitCode).toBe(77);
    expect((await muster('certs revoke 4d00 --reason superseded', { role })).exitCode).toBe(77);
    expect(await stateOf('worker-2')).toBe('enrolled');
  });
});

describe('muster certs', () => {
  test('revokes by fingerprint, once, and shows why', async () => {
    const { serial, fingerprint } = await certify(2, 'worker-2');
    expect((await muster(`certs show ${serial}`)).out).toMatch(/State\s+issued/);
    const revoked = await muster(`certs revoke ${fingerprint} --reason keyCompromise`, { role: 'operator' });
    expect([revoked.exitCode, revoked.out]).toEqual([0, expect.stringMatching(/Revoked\s+\S+ \S+ for keyCompromise/)]);
    expect(await stateOf('worker-2')).toBe('joined');
    const again = await muster(`certs revoke ${serial} --reason keyCompromise`);
    expect([again.exitCode, again.err]).toEqual([1, expect.stringContaining('it is revoked already')]);
    const list = await muster('certs list --node worker-2 --state revoked -o json');
    expect(JSON.parse(list.out)).toMatchObject({ certificates: [{ serial, revocation: { reason: 'keyCompromise' } }] });
    expect((await muster('certs list')).out).toContain(serial);
  });

  test.for<[string, string, number]>([
    ['one that is not there', 'certs revoke 4d00 --reason superseded', 1],
    ['what is no name of a certificate', 'certs revoke worker-2 --reason superseded', 65],
    ['no reason', 'certs revoke 4d00', 64],
    ['a hold', 'certs revoke 4d00 --reason certificateHold', 65],
    ['to show one that is not there', 'certs show 4d00', 1],
  ])('refuses %s', async ([, words, exitCode]) => {
    expect((await muster(words)).exitCode).toBe(exitCode);
  });
});
