import { describe, expect, test } from 'vitest';

import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe("T11 a victim's EK certificate beside one's own EK", () => {
  const victim = labNode();

  test("the victim's own EK goes with it", () => {
    expect(verdict(labJoin(victim))).toBe('accepted');
  });

  test.each(['p256', 'p384', 'rsa'] as const)('an EK of kind %s does not', (ek) => {
    const attacker = labNode({ tpm: labTpm({ ek }), ca: victim.ca, ekCertificates: victim.ekCertificates });
    expect(verdict(labJoin(attacker))).toBe('ek-certificate-key-mismatch');
  });
});
