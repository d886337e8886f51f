import { describe, expect, test } from 'vitest';

import { oddCsr } from '#test/lab/csr.ts';
import { admissionLab, type AdmissionLab } from '#test/lab/admission-lab.ts';
import { auditOf, auditTypes, enrol, join, lastDenials, nodeName, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

const ENDORSED = { admission: 'endorsed', newNodesPerHour: 3 };

const nameOf = (tpm: LabTpm): string => `general-${tpm.ekFingerprint.slice(0, 12)}`;

describe('a pool that takes whatever its makers endorse', () => {
  test('enrols a machine by its first join, under the name that its EK gives it, on record before the certificate', async () => {
    const { lab, stranger, joinAs } = await admissionLab(ENDORSED);
    expect(told(await joinAs(stranger, { name: nameOf(stranger) }))).toBe('ok');
    expect(await lab.store.findNodeByEk(stranger.ekFingerprint)).toMatchObject({
      name: nameOf(stranger),
      pool: 'general',
      state: 'joined',
      enrolledBy: 'rule:endorsed',
    });
    const types = (await auditOf(lab.store)).map(({ type, actor }) => `${type} ${actor.split(':')[0]}`);
    expect(types.slice(1)).toEqual(['node.enrolled service', 'certificate.signing node', 'certificate.issued node']);
    expect(told(await joinAs(stranger, { name: nameOf(stranger) }))).toBe('ok');
  });

  test.each<[string, (admission: AdmissionLab) => Promise<string>, string, string]>([
    [
      'nothing wrong',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { name: nameOf(stranger) })),
      'ok',
      '',
    ],
    [
      'a name of its own choice',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { name: 'worker-9' })),
      'evidence-rejected',
      'node-name-mismatch',
    ],
    [
      'a certificate of another maker',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { name: nameOf(stranger), maker: labEkCa() })),
      'evidence-rejected',
      'ek-chain-untrusted',
    ],
    [
      'no certificate',
      async ({ lab, stranger }) => told(await join({ ...lab, tpm: stranger }, { name: nameOf(stranger) })),
      'evidence-rejected',
      'ek-certificate-missing',
    ],
    [
      'another boot',
      async ({ joinAs, stranger }) => {
        stranger.extend(7, Buffer.from('Secure Boot off'));
        return told(await joinAs(stranger, { name: nameOf(stranger) }));
      },
      'evidence-rejected',
      'pcr-mismatch',
    ],
    [
      'an address of another pool',
      async ({ joinAs, stranger }) => told(await joinAs(stranger, { name: nameOf(stranger), address: '10.2.0.1' })),
      'evidence-rejected',
      'ek-not-enrolled',
    ],
  ])('given %s, admits a machine or enrols nobody', async (_, run, outcome, denial) => {
    const admission = await admissionLab(ENDORSED);
    expect(await run(admission)).toBe(outcome);
    expect(await lastDenials(admission.lab.store)).toEqual(denial === '' ? [] : [denial]);
    const node = await admission.lab.store.findNodeByEk(admission.stranger.ekFingerprint);
    expect(node?.name).toBe(denial === '' ? nameOf(admission.stranger) : undefined);
  });

  test('adds so many in an hour and no more, records the refusal, and alerts someone', async () => {
    const { lab, alerts, joinAs } = await admissionLab(ENDORSED);
    const machines = Array.from({ length: 4 }, () => labTpm());
    const outcomes = [];
    for (const tpm of machines) outcomes.push(told(await joinAs(tpm, { name: nameOf(tpm) })));
    expect(outcomes).toEqual(['ok', 'ok', 'ok', 'rate-limited']);
    expect(await lastDenials(lab.store)).toEqual(['new-nodes-cap-reached']);
    expect(alerts).toMatchObject([{ pool: 'general', perHour: 3 }]);
    const [first, , , last] = machines;
    if (first === undefined || last === undefined) throw new Error('four machines');
    expect(told(await joinAs(first, { name: nameOf(first) }))).toBe('ok');
    lab.clock.advance(3_600_000);
    expect(told(await joinAs(last, { name: nameOf(last) }))).toBe('ok');
  });

  test('refuses a machine whose name another node has', async () => {
    const { lab, stranger, joinAs } = await admissionLab(ENDORSED);
    await enrol(lab.store, labTpm(), { name: nameOf(stranger) });
    expect(told(await joinAs(stranger, { name: nameOf(stranger) }))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['node-name-taken']);
  });

  test('enrols one machine once, however many of its joins arrive together', async () => {
    const { lab, stranger, joinAs } = await admissionLab(ENDORSED);
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const outcome = await joinAs(stranger, { name: nameOf(stranger) }).catch(() => undefined);
        return outcome === undefined ? 'fault' : told(outcome);
      }),
    );
    expect(outcomes).toContain('ok');
    expect((await auditTypes(lab.store)).filter((type) => type === 'certificate.issued').length).toBe(
      outcomes.filter((outcome) => outcome === 'ok').length,
    );
    const enrolled = (await auditOf(lab.store)).filter(
      ({ type, nodeName: name }) => type === 'node.enrolled' && name === nameOf(stranger),
    );
    expect(enrolled).toHaveLength(1);
  });

  test('keeps the name with its EK while the node is out of service', async () => {
    const { lab, stranger, joinAs } = await admissionLab(ENDORSED);
    await joinAs(stranger, { name: nameOf(stranger) });
    const node = await lab.store.findNodeByName(nodeName(nameOf(stranger)));
    if (node === undefined) throw new Error('it is enrolled');
    for (const state of ['quarantined', 'barred'] as const) {
      lab.store.setNodeState(node.id, state);
      expect(told(await joinAs(stranger, { name: nameOf(stranger) }))).toBe(
        state === 'barred' ? 'node-barred' : 'evidence-rejected',
      );
      expect(await lab.store.findNodeByName(node.name)).toMatchObject({ id: node.id, state });
    }
  });

  test('signs nothing for a request that its key did not sign', async () => {
    const { lab, stranger, joinAs } = await admissionLab(ENDORSED);
    const key = labKey();
    const csr = oddCsr(key, { signedBy: labKey() }).der;
    expect(told(await joinAs(stranger, { name: nameOf(stranger), key, csr }))).toBe('csr-rejected');
    expect(await auditTypes(lab.store)).not.toContain('certificate.signing');
  });
});
