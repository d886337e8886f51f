import { describe, expect, test } from 'vitest';

import { oddCsr } from '#test/lab/csr.ts';
import { admissionLab } from '#test/lab/admission-lab.ts';
import { auditOf, enrol, join, type JoinLab, joinLab, labJoinPolicy, lastDenials, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

/** A laboratory with a second node, `worker-8`, and what someone was alerted of. */
async function pairLab() {
  const alerts: Readonly<Record<string, unknown>>[] = [];
  const lab = await joinLab({ override: { alert: (facts) => void alerts.push(facts) } });
  const other = labTpm();
  const otherNode = await enrol(lab.store, other, { name: 'worker-8' });
  return { lab, other, otherNode, alerts };
}

const statesOf = async ({ store }: Pick<JoinLab, 'store'>): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await store.listNodes({}, { limit: 10 })).map(({ name, state }) => [name, state]));
const conflictsOf = async ({ store }: Pick<JoinLab, 'store'>) =>
  (await auditOf(store)).filter(({ type }) => type === 'node.conflict');

describe('a key that two claim', () => {
  test('is no conflict while each node has its own, and may be certified again for the same EK', async () => {
    const { lab, other, alerts } = await pairLab();
    const key = labKey();
    expect(told(await join(lab, { key }))).toBe('ok');
    expect(told(await join(lab, { key }))).toBe('ok');
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-8' }))).toBe('ok');
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'joined', 'worker-8': 'joined' });
    expect([await conflictsOf(lab), alerts]).toEqual([[], []]);
  });

  test('freezes both nodes when the second shows the key that the first was certified for', async () => {
    const { lab, other, alerts } = await pairLab();
    const key = labKey();
    expect(told(await join(lab, { key }))).toBe('ok');
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-8', key }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['key-of-another-node']);
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'quarantined', 'worker-8': 'quarantined' });
    expect(await conflictsOf(lab)).toMatchObject([
      {
        nodeName: 'worker-7',
        actor: 'service',
        facts: { claimant: 'worker-8', holders: ['worker-7'], from: 'joined' },
      },
      { nodeName: 'worker-8', facts: { claimantEk: other.ekFingerprint, from: 'enrolled', to: 'quarantined' } },
    ]);
    expect(alerts).toMatchObject([{ code: 'key-of-another-node', frozen: ['worker-7', 'worker-8'] }]);
    expect(told(await join(lab))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['node-not-admissible']);
  });

  test('freezes nobody where the request is not signed by the key that it shows', async () => {
    const { lab, other } = await pairLab();
    const key = labKey();
    await join(lab, { key });
    const csr = oddCsr(key, { signedBy: labKey() }).der;
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-8', key, csr }))).toBe('csr-rejected');
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'joined', 'worker-8': 'enrolled' });
    expect(await conflictsOf(lab)).toEqual([]);
  });

  test('freezes nobody where the evidence is not proven', async () => {
    const { lab, other } = await pairLab();
    const key = labKey();
    await join(lab, { key });
    const evidence = { activationSecret: Buffer.alloc(32) };
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-8', key, evidence }))).toBe('evidence-rejected');
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'joined', 'worker-8': 'enrolled' });
    expect(await conflictsOf(lab)).toEqual([]);
  });

  test('freezes nobody at the word of a machine that is no node: it is refused, recorded and alerted of', async () => {
    const { lab, alerts } = await pairLab();
    const key = labKey();
    await join(lab, { key });
    expect(told(await join({ ...lab, tpm: labTpm() }, { name: 'worker-7', key }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['key-of-another-node']);
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'joined', 'worker-8': 'enrolled' });
    expect(await conflictsOf(lab)).toMatchObject([{ nodeName: 'worker-7', facts: { holders: ['worker-7'] } }]);
    expect(alerts).toMatchObject([{ frozen: [] }]);
    expect(told(await join(lab))).toBe('ok');
  });

  test('does not take a retired node’s key, and leaves that node as it is', async () => {
    const { lab, other } = await pairLab();
    const key = labKey();
    await join(lab, { key });
    lab.store.setNodeState(lab.node.id, 'retired');
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-8', key }))).toBe('evidence-rejected');
    expect(await lab.store.findNode(lab.node.id)).toMatchObject({ state: 'retired' });
  });

  test('lets a machine go on with its key after it was retired and enrolled again', async () => {
    const { lab } = await pairLab();
    const key = labKey();
    await join(lab, { key });
    lab.store.setNodeState(lab.node.id, 'retired');
    await enrol(lab.store, lab.tpm);
    expect(told(await join(lab, { key }))).toBe('ok');
  });
});

describe('an AK under another EK', () => {
  test('freezes both nodes: the quote proves that one TPM stands behind two EKs', async () => {
    const { lab, alerts } = await pairLab();
    await join(lab);
    const twin = labTpm({ akOf: lab.tpm });
    await enrol(lab.store, twin, { name: 'worker-9' });
    expect(told(await join({ ...lab, tpm: twin }, { name: 'worker-9' }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['ak-of-another-ek']);
    expect(await statesOf(lab)).toMatchObject({ 'worker-7': 'quarantined', 'worker-9': 'quarantined' });
    expect(alerts).toMatchObject([{ code: 'ak-of-another-ek', frozen: ['worker-7', 'worker-9'] }]);
  });

  test('freezes the node whose AK it is when nobody enrolled the other EK', async () => {
    const { lab } = await pairLab();
    await join(lab);
    expect(told(await join({ ...lab, tpm: labTpm({ akOf: lab.tpm }) }, { name: 'worker-9' }))).toBe(
      'evidence-rejected',
    );
    expect(await statesOf(lab)).toMatchObject({ 'worker-7': 'quarantined' });
  });

  test('freezes nobody where another key signed the quote', async () => {
    const { lab } = await pairLab();
    await join(lab);
    const twin = labTpm({ akOf: lab.tpm });
    expect(told(await join({ ...lab, tpm: twin }, { name: 'worker-9', quoter: labTpm() }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['quote-signature-invalid']);
    expect(await statesOf(lab)).toMatchObject({ 'worker-7': 'joined' });
  });
});

describe('a key of another use', () => {
  test('is not certified: an EK that signs is no TPM’s, and its node is frozen', async () => {
    const { lab } = await pairLab();
    const key = lab.tpm.ekPrivateKey;
    expect(told(await join(lab, { key }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['key-of-another-use']);
    expect(await statesOf(lab)).toMatchObject({ 'worker-7': 'quarantined' });
  });

  test('is not certified: the node’s AK, which proves nothing against the node', async () => {
    const { lab } = await pairLab();
    expect(told(await join(lab, { key: lab.tpm.akPrivateKey }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['key-of-another-use']);
    expect(await statesOf(lab)).toMatchObject({ 'worker-7': 'enrolled' });
  });

  test('is not certified: the EK of another node', async () => {
    const { lab, other } = await pairLab();
    expect(told(await join(lab, { key: other.ekPrivateKey }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['key-of-another-node']);
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'quarantined', 'worker-8': 'quarantined' });
  });
});

describe('a machine that waits', () => {
  test('is not put on the queue with the key or the AK of a node', async () => {
    const { lab, joinAs, candidates } = await admissionLab({ admission: 'approval' });
    const key = labKey();
    await joinAs(lab.tpm, { key });
    expect(told(await joinAs(labTpm(), { key }))).toBe('evidence-rejected');
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'joined' });
    expect(told(await joinAs(labTpm({ akOf: lab.tpm })))).toBe('evidence-rejected');
    expect(await statesOf(lab)).toEqual({ 'worker-7': 'quarantined' });
    expect(await candidates()).toEqual([]);
  });
});

describe('the firmware of a TPM', () => {
  test.each([
    { onFirmwareChange: 'advise', outcome: 'ok' },
    { onFirmwareChange: 'refuse', outcome: 'evidence-rejected' },
  ])('that changed since the last join: $onFirmwareChange', async ({ onFirmwareChange, outcome }) => {
    const tpm = labTpm();
    const base = labJoinPolicy(tpm);
    const pools = [...base.pools].map(
      ([name, pool]) => [name, { ...pool, tpm2: { ...pool.tpm2, onFirmwareChange } }] as const,
    );
    const policy = { ...base, pools: new Map(pools) } as typeof base;
    const lab = await joinLab({ tpm, policy });
    expect([told(await join(lab)), told(await join(lab))]).toEqual(['ok', 'ok']);
    tpm.firmwareVersion = 0x0001_0002_0003_0005n;
    expect(told(await join(lab))).toBe(outcome);
    const record = (await auditOf(lab.store)).at(-1);
    expect(record?.facts['advisories']).toMatchObject([{ code: 'firmware-changed' }]);
    expect(await lastDenials(lab.store)).toEqual(outcome === 'ok' ? [] : ['firmware-changed']);
  });
});
