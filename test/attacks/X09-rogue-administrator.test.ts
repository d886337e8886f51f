import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { labSecurityKey, labStepUpHeader } from '#test/lab/security-key.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { type LabAct, type LabPerson, type StepUpLab, stepUpLab } from '#test/lab/step-up-lab.ts';

const ekPublicHash = (digit: string): string => digit.repeat(64);

/** Each act that a second factor is asked for, and the same a little different: what was signed, and what is then done. */
const ACTS: readonly (LabAct & { readonly called: string; readonly changed: LabAct })[] = [
  {
    called: 'bar two',
    path: '/v1/node-changes',
    body: { change: 'bar', nodes: ['worker-1', 'worker-2'] },
    changed: { path: '/v1/node-changes', body: { change: 'bar', nodes: ['worker-1', 'worker-3'] } },
  },
  {
    called: 'retire by selector',
    path: '/v1/node-changes',
    body: { change: 'retire', selector: { name: 'worker-*' }, expect: 3 },
    changed: { path: '/v1/node-changes', body: { change: 'retire', selector: { pool: 'general' }, expect: 3 } },
  },
  {
    called: 'enrol two',
    path: '/v1/enrolments',
    body: {
      nodes: [
        { name: 'new-1', pool: 'general', ekPublicHash: ekPublicHash('a') },
        { name: 'new-2', pool: 'general', ekPublicHash: ekPublicHash('b') },
      ],
    },
    changed: {
      path: '/v1/enrolments',
      body: {
        nodes: [
          { name: 'new-1', pool: 'general', ekPublicHash: ekPublicHash('a') },
          { name: 'new-2', pool: 'general', ekPublicHash: ekPublicHash('c') },
        ],
      },
    },
  },
  {
    called: 'approve',
    path: '/v1/candidates/00000000-0000-4000-8000-000000000001/approve',
    body: { revision: 1, name: 'new-3' },
    changed: {
      path: '/v1/candidates/00000000-0000-4000-8000-000000000002/approve',
      body: { revision: 1, name: 'new-3' },
    },
  },
  {
    called: 'revoke a certificate',
    path: '/v1/revocations',
    body: { certificate: '01ab', reason: 'keyCompromise' },
    changed: { path: '/v1/revocations', body: { certificate: '01ac', reason: 'keyCompromise' } },
  },
  {
    called: 'make a token',
    path: '/v1/tokens',
    body: { name: 'edge-1', pool: 'general', ttlSeconds: 600 },
    changed: { path: '/v1/tokens', body: { name: 'edge-1', pool: 'general', ttlSeconds: 601 } },
  },
  {
    called: 'retire reference values',
    path: '/v1/reference-values/retire',
    body: { name: 'golden' },
    changed: { path: '/v1/reference-values/retire', body: { name: 'golden-2' } },
  },
];

/** Ways to have an act done without the person who may do it having signed it. Each resolves to the status of the answer. */
const ATTACKS: Readonly<
  Record<string, (lab: StepUpLab, alice: LabPerson, act: (typeof ACTS)[number]) => Promise<number>>
> = {
  'without a signature': async (lab, alice, act) => (await lab.send(alice, act)).status,
  'with a signature of a key that is not registered': async (lab, alice, act) => {
    const demand = await lab.demand(alice, act);
    const header = labStepUpHeader(labSecurityKey(), demand, { ...act, administrator: alice.fingerprint });
    return (await lab.send(alice, act, header)).status;
  },
  'changed after it was signed': async (lab, alice, act) =>
    (await lab.send(alice, act.changed, await lab.signed(alice, act))).status,
  'with what a colleague signed': async (lab, alice, act) =>
    (await lab.send(alice, act, await lab.signed(await lab.person(), act))).status,
  'by a signature from two minutes ago': async (lab, alice, act) => {
    const header = await lab.signed(alice, act);
    lab.wait(121);
    return (await lab.send(alice, act, header)).status;
  },
  'by one whom the list lost in between': async (lab, alice, act) => {
    const header = await lab.signed(alice, act);
    lab.strike(alice, 'person');
    return (await lab.send(alice, act, header)).status;
  },
  'by a key that the list lost in between': async (lab, alice, act) => {
    const header = await lab.signed(alice, act);
    lab.strike(alice, 'key');
    return (await lab.send(alice, act, header)).status;
  },
};

describe('T75 a rogue administrator, or whoever has their certificate', () => {
  let lab: StepUpLab;
  beforeAll(async () => {
    lab = await stepUpLab({ require: true });
    for (const name of ['worker-1', 'worker-2', 'worker-3']) await enrol(lab.store, labTpm(), { name });
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  /** What the log tells of, but for the second factor itself. */
  const done = async (): Promise<number> => {
    const records = await lab.store.readAudit(0, 1_000);
    return records.filter(({ type }) => !type.startsWith('step-up.') && type !== 'admin.refused').length;
  };

  const rows = ACTS.flatMap((act) => Object.keys(ATTACKS).map((attack) => ({ called: act.called, attack, act })));

  test('X09 there are forty ways and more', () => {
    expect(rows.length).toBeGreaterThanOrEqual(40);
  });

  test.each(rows)('X09 $called, $attack: refused, and nothing is done', async ({ act, attack }) => {
    const alice = await lab.person();
    const before = await done();
    const status = await ATTACKS[attack]?.(lab, alice, act);
    expect([401, 403]).toContain(status);
    expect(await done()).toBe(before);
  });

  test.each(ACTS)('X09 $called, by a right that was used for it already, is done once', async (act) => {
    const alice = await lab.person();
    const header = await lab.signed(alice, act);
    const first = await lab.send(alice, act, header);
    expect(first.problem).not.toBe('step-up-required');
    const before = await done();
    expect((await lab.send(alice, act, header)).status).toBe(403);
    expect(await done()).toBe(before);
  });

  test('X09 an administrator without a key is refused where one is required, and told why', async () => {
    const bob = await lab.person({ registered: false });
    const answer = await lab.send(bob, { path: '/v1/tokens', body: { name: 'e', pool: 'general', ttlSeconds: 600 } });
    expect(answer).toMatchObject({ status: 403, problem: 'step-up-required' });
    expect(answer.json).toMatchObject({ detail: 'no security key is registered beside this certificate' });
    expect(answer.json).not.toHaveProperty('stepUp');
  });

  test('X09 what changes nothing, and one node alone, needs no second factor', async () => {
    const alice = await lab.person();
    const dry = { change: 'quarantine', selector: { pool: 'general' }, dryRun: true };
    expect((await lab.send(alice, { path: '/v1/node-changes', body: dry })).problem).not.toBe('step-up-required');
    const one = {
      nodes: [{ name: `one-${randomUUID().slice(0, 8)}`, pool: 'general', ekPublicHash: ekPublicHash('d') }],
    };
    expect((await lab.send(alice, { path: '/v1/enrolments', body: one })).status).toBe(201);
  });
});
