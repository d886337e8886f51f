import { beforeEach, describe, expect, test } from 'vitest';

import { newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { nodeChangeRequestSchema } from '#protocol/revocation.ts';
import { changeNodes } from '#services/admin/change-nodes.ts';
import { revokeCertificate } from '#services/admin/revoke-certificate.ts';
import { auditOf, enrol, type JoinLab, joinLab, nodeName } from '#test/lab/join-lab.ts';
import { type Joined, joinedNode } from '#test/lab/revocation-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

let lab: JoinLab;
let joined: Joined;
// `worker-7` of the laboratory is enrolled only.
beforeEach(async () => {
  lab = await joinLab();
  joined = await joinedNode(lab, 'worker-1');
  await enrol(lab.store, labTpm(), { name: 'edge-1', pool: 'edge' });
});

const asker = () => ({ name: 'alice', requestId: newRequestId(systemRandom), address: '192.0.2.1' });
const change = async (request: object): Promise<string> => {
  const parsed = nodeChangeRequestSchema.parse(request);
  const outcome = await changeNodes({ now: lab.clock.now, store: lab.store }, parsed, asker());
  if (!outcome.ok) return `${outcome.problem}: ${outcome.detail ?? ''}`;
  return outcome.nodes.map(({ name, state }, at) => `${name} ${state} ${outcome.changed?.[at]?.to ?? '-'}`).join(', ');
};
const stateOf = async (name: string) => (await lab.store.findNodeByName(nodeName(name)))?.state;
const head = async () => (await lab.store.auditHead()).sequence;

describe('a change of nodes', () => {
  test('is done, with its record, which names the node and who asked', async () => {
    expect(await change({ change: 'bar', nodes: ['worker-1'], reason: 'keyCompromise', text: 'seen opened' })).toBe(
      'worker-1 joined barred',
    );
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      type: 'node.barred',
      actor: 'admin:alice',
      nodeName: 'worker-1',
      facts: { reason: 'keyCompromise', text: 'seen opened', from: 'joined', to: 'barred', serials: [joined.serial] },
    });
  });

  const bar = { change: 'bar', nodes: ['worker-1'] };
  test.for<[string, object, string]>([
    ['one that is there', bar, 'worker-1 joined barred'],
    ['one named twice', { ...bar, nodes: ['worker-1', 'worker-1'] }, 'worker-1 joined barred'],
    ['one that is not there', { ...bar, nodes: ['worker-9'] }, 'not-found: there is no node named worker-9'],
    ['one of two that is not there', { ...bar, nodes: ['worker-1', 'worker-9'] }, 'not-found: 1 are not there'],
    [
      'an unknown reason',
      { ...bar, reason: 'because' },
      'revocation-reason-refused: one of unspecified, keyCompromise,',
    ],
    ['a CA’s reason', { ...bar, reason: 'cACompromise' }, 'revocation-reason-refused: one of'],
    ['a hold as the reason', { ...bar, reason: 'certificateHold' }, 'revocation-reason-refused: one of'],
    [
      'a reason where nothing is revoked',
      { change: 'quarantine', nodes: ['worker-1'], reason: 'keyCompromise' },
      'revocation-reason-refused: quarantine revokes nothing',
    ],
    ['a state it does not start from', { ...bar, change: 'release' }, 'state-conflict: worker-1 is joined'],
    ['as many as expected', { ...bar, expect: 1 }, 'worker-1 joined barred'],
    ['another number than expected', { ...bar, expect: 2 }, 'precondition-failed: it is about 1 nodes, not 2'],
    ['a dry run', { ...bar, dryRun: true }, 'worker-1 joined -'],
    [
      'a selector',
      { change: 'bar', selector: { pool: 'general' }, expect: 2 },
      'worker-1 joined barred, worker-7 enrolled barred',
    ],
    ['a selector by state', { change: 'bar', selector: { state: 'joined' }, expect: 1 }, 'worker-1 joined barred'],
    [
      'a selector by name and pool',
      { change: 'bar', selector: { name: '*-1', pool: 'edge' }, expect: 1 },
      'edge-1 enrolled barred',
    ],
    ['a selector of none', { change: 'bar', selector: { name: 'x*' }, expect: 1 }, 'not-found: it selects no node'],
    [
      'a selector of another number',
      { change: 'bar', selector: { pool: 'general' }, expect: 1 },
      'precondition-failed: it is about 2 nodes, not 1',
    ],
    [
      'a selector with one in another state',
      { change: 'release', selector: { pool: 'general' }, expect: 2 },
      'state-conflict: 2 nodes are in another state',
    ],
  ])('given %s', async ([, request, outcome]) => {
    const before = await head();
    const found = await change(request);
    expect(found).toContain(outcome);
    const isDone = / barred/.test(found) && !found.includes(':');
    expect((await head()) > before).toBe(isDone);
  });

  test.for<[string, object]>([
    ['nodes and a selector', { nodes: ['worker-1'], selector: { pool: 'general' }, expect: 1 }],
    ['neither nodes nor a selector', {}],
    ['no nodes', { nodes: [] }],
    ['an empty selector', { selector: {}, expect: 1 }],
    ['a selector without a number', { selector: { pool: 'general' } }],
    ['a selector by something else', { selector: { ek: 'x' }, expect: 1 }],
    ['a pattern that is no name’s', { selector: { name: 'A*' }, expect: 1 }],
    ['a remark of two lines', { nodes: ['worker-1'], text: 'a\nb' }],
    ['10,001 nodes', { nodes: Array.from({ length: 10_001 }, (_, n) => `n${n}`) }],
    ['an approval', { nodes: ['worker-1'], change: 'approve' }],
    ['an unbar that does not say why', { nodes: ['worker-1'], change: 'unbar' }],
  ])('is not read where it has %s', ([, members]) => {
    expect(nodeChangeRequestSchema.safeParse({ change: 'bar', ...members }).success).toBe(false);
  });

  test('changes nobody where somebody else was faster', async () => {
    const store = {
      ...lab.store,
      changeNodes: async (asked: Parameters<typeof lab.store.changeNodes>[0]) => {
        lab.store.setNodeState(joined.id, 'retired');
        return lab.store.changeNodes(asked);
      },
    };
    const request = nodeChangeRequestSchema.parse({ change: 'bar', selector: { pool: 'general' }, expect: 2 });
    const outcome = await changeNodes({ now: lab.clock.now, store }, request, asker());
    expect(outcome).toMatchObject({ ok: false, problem: 'state-conflict' });
    expect(await stateOf('worker-7')).toBe('enrolled');
  });
});

describe('the revocation of one certificate', () => {
  const revoke = async (certificate: string, reason = 'keyCompromise'): Promise<string> => {
    const deps = { now: lab.clock.now, store: lab.store };
    const outcome = await revokeCertificate(deps, { certificate, reason }, asker());
    return outcome.ok ? outcome.certificate.state : `${outcome.problem}: ${outcome.detail ?? ''}`;
  };

  test('takes a serial number or a fingerprint, once', async () => {
    expect(await revoke(joined.serial)).toBe('revoked');
    const { fingerprint = '' } = (await lab.store.findCertificate(joined.serial)) ?? {};
    expect(await revoke(fingerprint)).toBe('state-conflict: it is revoked already');
    const two = await joinedNode(lab, 'worker-2');
    const found = await lab.store.findCertificate(two.serial);
    expect(await revoke(found?.fingerprint ?? '')).toBe('revoked');
  });

  test('leaves its node joined, and is on record under the node’s name', async () => {
    await revoke(joined.serial);
    expect(await stateOf('worker-1')).toBe('joined');
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      type: 'certificate.revoked',
      nodeName: 'worker-1',
      facts: { serial: joined.serial, reason: 'keyCompromise' },
    });
  });

  test.for<[string, string, string]>([
    ['4d00', 'keyCompromise', 'not-found'],
    ['ab'.repeat(32), 'keyCompromise', 'not-found'],
    ['4d00', 'because', 'revocation-reason-refused'],
    ['4d00', 'certificateHold', 'revocation-reason-refused'],
  ])('of %s for %s is refused: %s', async ([id, reason, problem]) => {
    expect(await revoke(id, reason)).toMatch(new RegExp(`^${problem}:`));
  });

  test('of an expired one is refused', async () => {
    lab.clock.advance(86_400_000 * 2);
    expect(await revoke(joined.serial)).toBe('state-conflict: it has expired');
  });
});
