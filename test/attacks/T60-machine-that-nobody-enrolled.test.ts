import { describe, expect, test } from 'vitest';

import { admissionLab } from '#test/lab/admission-lab.ts';
import { auditTypes, lastDenials, told } from '#test/lab/join-lab.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

const byRule = (tpm: LabTpm): string => `general-${tpm.ekFingerprint.slice(0, 12)}`;

describe('T60 a machine that nobody enrolled wants in, under a name of its choice', () => {
  test('T60 is refused where a pool takes enrolled nodes only', async () => {
    const { lab, stranger, joinAs } = await admissionLab({});
    expect(told(await joinAs(stranger))).toBe('evidence-rejected');
    expect(await lastDenials(lab.store)).toEqual(['ek-not-enrolled']);
  });

  test('T60 gets no certificate before a person has said yes, however often it asks', async () => {
    const { lab, stranger, joinAs, candidates } = await admissionLab({ admission: 'approval' });
    for (let n = 0; n < 5; n += 1) expect(told(await joinAs(stranger))).toBe('awaiting-approval');
    expect(await candidates()).toHaveLength(1);
    expect(await auditTypes(lab.store)).toEqual(['candidate.queued']);
  });

  test('T60 takes no name that its EK does not give it, where the pool names by rule', async () => {
    const { lab, stranger, joinAs } = await admissionLab({ admission: 'endorsed' });
    for (const name of ['worker-7', 'control-plane-1', byRule(labTpm())]) {
      expect(told(await joinAs(stranger, { name }))).toBe('evidence-rejected');
      expect(await lastDenials(lab.store)).toEqual(['node-name-mismatch']);
    }
    expect(told(await joinAs(stranger, { name: byRule(stranger) }))).toBe('ok');
  });

  test('T60 is not endorsed by an authority that the pool does not name', async () => {
    const { lab, stranger, joinAs } = await admissionLab({ admission: 'endorsed' });
    expect(told(await joinAs(stranger, { name: byRule(stranger), maker: labEkCa() }))).toBe('evidence-rejected');
    expect(await lab.store.findNodeByEk(stranger.ekFingerprint)).toBeUndefined();
  });

  test('T60 comes with a thousand others: only so many become nodes in an hour, and someone is told', async () => {
    const { lab, alerts, joinAs } = await admissionLab({ admission: 'endorsed', newNodesPerHour: 2 });
    const machines = Array.from({ length: 12 }, () => labTpm());
    const outcomes = await Promise.all(machines.map(async (tpm) => told(await joinAs(tpm, { name: byRule(tpm) }))));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === 'rate-limited')).toHaveLength(10);
    expect(alerts).toHaveLength(10);
    expect(await lab.store.listNodes({}, { limit: 20 })).toHaveLength(3);
  });
});
