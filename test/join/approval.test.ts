import { describe, expect, test } from 'vitest';

import type { Candidate } from '#core/candidate.ts';
import { systemRandom } from '#core/random.ts';
import { newNodeId } from '#core/ids.ts';
import { QUEUE_BOUNDS } from '#services/join/settle-standing.ts';
import { admissionLab, type AdmissionLab, admissionPolicy } from '#test/lab/admission-lab.ts';
import { auditTypes, join, labJoinPolicy, lastDenials, nodeName, poolName, told } from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

const APPROVAL = { admission: 'approval' };

/** An administrator's yes, as `muster nodes approve` sends it. */
async function approve({ lab }: AdmissionLab, candidate: Candidate | undefined, name = 'worker-9') {
  if (candidate === undefined) throw new Error('nobody waits');
  const { id, revision, ekFingerprint, ekCertificate, pool, nodeId } = candidate;
  const enrolment =
    nodeId === undefined
      ? { id: newNodeId(systemRandom), name: nodeName(name), pool, ekFingerprint, ekCertificate }
      : undefined;
  const at = lab.clock.now();
  return lab.store.approveCandidate(
    { id, revision, enrolment, by: 'alice', at },
    { type: 'candidate.approved', at, actor: 'admin:alice', facts: {} },
  );
}

describe('a pool that takes machines by approval', () => {
  test('lets a machine wait that proves everything, and issues nothing to it', async () => {
    const { lab, stranger, joinAs, candidates } = await admissionLab(APPROVAL);
    expect(await joinAs(stranger, { name: 'worker-9' })).toEqual({
      ok: false,
      problem: 'awaiting-approval',
      retryAfterSeconds: 30,
    });
    expect(await auditTypes(lab.store)).toEqual(['candidate.queued']);
    expect(await lab.store.findNodeByEk(stranger.ekFingerprint)).toBeUndefined();
    expect(await candidates()).toMatchObject([
      {
        ekFingerprint: stranger.ekFingerprint,
        pool: 'general',
        nodeId: undefined,
        revision: 1,
        latest: {
          claimedNodeName: 'worker-9',
          address: '10.1.2.3',
          ekCertificate: { manufacturer: 'id:53544D20', anchor: expect.stringContaining('Lab TPM EK Root CA') },
          referenceValues: 'now',
          calledBack: false,
        },
      },
    ]);
  });

  test('gives it a certificate once an administrator has approved it', async () => {
    const admission = await admissionLab(APPROVAL);
    const { stranger, joinAs, candidates } = admission;
    await joinAs(stranger, { name: 'worker-9' });
    expect(await approve(admission, (await candidates())[0])).toMatchObject({ ok: true });
    const outcome = await joinAs(stranger, { name: 'worker-9' });
    expect(outcome).toMatchObject({ ok: true, admitted: { node: { name: 'worker-9', approval: { by: 'alice' } } } });
    expect(await candidates()).toEqual([]);
  });

  test('never takes the name from the machine: another than was approved is refused', async () => {
    const admission = await admissionLab(APPROVAL);
    const { lab, stranger, joinAs, candidates } = admission;
    await joinAs(stranger, { name: 'admin-node' });
    await approve(admission, (await candidates())[0], 'worker-9');
    expect(told(await joinAs(stranger, { name: 'admin-node' }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['node-name-mismatch']);
    expect(told(await joinAs(stranger, { name: 'worker-9' }))).toBe('ok');
  });

  test('keeps one place for one EK, and shows what changed since it was first seen', async () => {
    const { lab, stranger, joinAs, candidates } = await admissionLab(APPROVAL);
    await joinAs(stranger, { name: 'worker-9' });
    await joinAs(stranger, { name: 'worker-9' });
    expect(await candidates()).toMatchObject([{ revision: 1 }]);
    await joinAs(stranger, { name: 'worker-10', address: '10.1.2.4' });
    expect(await candidates()).toMatchObject([
      {
        revision: 2,
        first: { claimedNodeName: 'worker-9', address: '10.1.2.3' },
        latest: { claimedNodeName: 'worker-10', address: '10.1.2.4' },
      },
    ]);
    expect(await auditTypes(lab.store)).toEqual(['candidate.queued']);
  });

  test('refuses a machine that an administrator refused, until that expires', async () => {
    const { lab, stranger, joinAs, candidates } = await admissionLab(APPROVAL);
    await joinAs(stranger);
    const [candidate] = await candidates();
    if (candidate === undefined) throw new Error('nobody waits');
    const at = lab.clock.now();
    const event = { type: 'candidate.refused', at, actor: 'admin:alice', facts: {} };
    await lab.store.refuseCandidate(candidate.id, { by: 'alice', at, reason: 'not ours' }, event);
    expect(told(await joinAs(stranger))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['approval-refused']);
    lab.clock.advance(86_400_000);
    expect(told(await joinAs(stranger))).toBe('awaiting-approval');
  });

  test.each<[string, (admission: AdmissionLab) => Promise<string>, string, string]>([
    ['nothing at all', async ({ joinAs, stranger }) => told(await joinAs(stranger)), 'awaiting-approval', ''],
    [
      'a certificate of another maker',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { maker: labEkCa() })),
      'evidence-rejected',
      'ek-chain-untrusted',
    ],
    [
      'another boot',
      async ({ joinAs, stranger }) => {
        stranger.extend(4, Buffer.from('another boot loader'));
        return told(await joinAs(stranger));
      },
      'evidence-rejected',
      'pcr-mismatch',
    ],
    [
      'a secret that it cannot have recovered',
      async ({ joinAs, stranger }) =>
        told(await joinAs(stranger, { evidence: { activationSecret: systemRandom(32) } })),
      'evidence-rejected',
      'activation-failed',
    ],
    [
      'an address of a pool that takes enrolled nodes only',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { address: '10.2.0.9' })),
      'evidence-rejected',
      'ek-not-enrolled',
    ],
  ])('with %s, a machine waits or is refused', async (_, run, outcome, denial) => {
    const admission = await admissionLab(APPROVAL);
    expect(await run(admission)).toBe(outcome);
    const denials = await lastDenials(admission.lab.store);
    expect(denials).toEqual(denial === '' ? [] : [denial]);
    expect(await admission.candidates()).toHaveLength(denial === '' ? 1 : 0);
  });

  test('refuses an EK without a certificate, unless the pool does without', async () => {
    const { lab, stranger } = await admissionLab(APPROVAL);
    expect(told(await join({ ...lab, tpm: stranger }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['ek-certificate-missing']);
    const policy = labJoinPolicy(lab.tpm, APPROVAL);
    const lenient = await admissionLab(APPROVAL, { policy });
    expect(told(await join({ ...lenient.lab, tpm: stranger }))).toBe('awaiting-approval');
    const [candidate] = await lenient.candidates();
    expect([candidate?.ekCertificate, candidate?.latest.ekCertificate]).toEqual([undefined, undefined]);
  });

  test('refuses a machine on the list of denied EKs', async () => {
    const { lab, maker, stranger } = await admissionLab(APPROVAL);
    const policy = { ...lab.policy, deniedEks: new Set([stranger.ekFingerprint]) };
    const strict = await admissionLab(APPROVAL, { policy });
    expect(told(await strict.joinAs(stranger, { maker }))).toBe('evidence-rejected');
    expect(await lastDenials(strict.lab.store)).toEqual(['ek-denied']);
  });

  test('has room for so many from one network, and alerts someone when it is full', async () => {
    const { lab, alerts, joinAs, candidates } = await admissionLab(APPROVAL);
    for (let n = 0; n < QUEUE_BOUNDS.perNetwork; n += 1) {
      expect(told(await joinAs(labTpm()))).toBe('awaiting-approval');
    }
    expect(await joinAs(labTpm())).toMatchObject({ ok: false, problem: 'rate-limited', retryAfterSeconds: 300 });
    expect(await lastDenials(lab.store)).toEqual(['approval-queue-full']);
    expect(alerts).toMatchObject([{ bound: 'perNetwork' }]);
    expect(told(await joinAs(labTpm(), { address: '10.1.9.9' }))).toBe('awaiting-approval');
    expect(await candidates()).toHaveLength(QUEUE_BOUNDS.perNetwork + 1);
  });

  test('takes a node that was enrolled as before', async () => {
    const { lab, joinAs } = await admissionLab(APPROVAL);
    expect(told(await joinAs(lab.tpm))).toBe('ok');
  });
});

describe('a node of a highly protected pool', () => {
  const highly = async () => {
    const maker = labEkCa();
    const tpm = labTpm();
    const base = admissionPolicy(tpm, maker.pem, APPROVAL);
    const general = base.pools.get(poolName('general'));
    if (general === undefined) throw new Error('the pool is there');
    const rated = new Map([[general.pool, { ...general, protectionRating: 'highly-protected' as const }]]);
    const admission = await admissionLab(APPROVAL, { policy: { ...base, pools: rated } });
    return { ...admission, maker };
  };

  test('is pending until an administrator has approved it, though it was enrolled, and never again', async () => {
    const admission = await highly();
    const { lab, maker, joinAs, candidates } = admission;
    expect(told(await joinAs(lab.tpm, { maker }))).toBe('awaiting-approval');
    expect(await lab.store.findNode(lab.node.id)).toMatchObject({ state: 'pending' });
    expect(told(await joinAs(lab.tpm, { maker }))).toBe('awaiting-approval');
    expect(await candidates()).toMatchObject([{ nodeId: lab.node.id, revision: 1 }]);
    expect(await approve(admission, (await candidates())[0])).toMatchObject({ ok: true, node: { state: 'enrolled' } });
    expect([told(await joinAs(lab.tpm, { maker })), told(await joinAs(lab.tpm, { maker }))]).toEqual(['ok', 'ok']);
  });

  test('is not put before an administrator while its evidence is refused', async () => {
    const { lab, maker, joinAs, candidates } = await highly();
    lab.tpm.extend(4, Buffer.from('another boot loader'));
    expect(told(await joinAs(lab.tpm, { maker }))).toBe('evidence-rejected');
    expect(await candidates()).toEqual([]);
    expect(await lab.store.findNode(lab.node.id)).toMatchObject({ state: 'enrolled' });
  });
});
