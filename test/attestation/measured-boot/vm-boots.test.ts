import { describe, expect, test } from 'vitest';

import { appraiseBoot } from '#attestation/measured-boot/appraise-boot.ts';
import { type BootFacts, bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { provenCommandLines } from '#attestation/measured-boot/appraise-command-line.ts';
import { capturedBootPolicy } from '#attestation/measured-boot/captured-boot-policy.ts';
import { appraiseIma } from '#attestation/measured-boot/ima/appraise-ima.ts';
import { capturedImaPolicy } from '#attestation/measured-boot/ima/captured-ima-policy.ts';
import type { VerifiedIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import { imaInput, imaPolicy, verifiedIma } from '#test/lab/ima-list.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';

const POLICY_PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14];
const GOOD = 'vm-good';
/** As docs/operations/try-it-in-a-virtual-machine.md has it. */
const WIDENED = [
  '/run/',
  '/var/log/',
  '/var/cache/',
  '/var/lib/cloud/',
  '/var/lib/dbus/',
  '/var/lib/systemd/',
  '/etc/muster/',
  '/etc/machine-id',
  '/etc/hostname',
  '/etc/hosts',
];

/** PCR values as the machine's kernel had them from its TPM. */
const pcrsOf = (scene: string): ReadonlyMap<number, string> => {
  const { sha256 } = vectorJson<{ sha256: Record<string, string> }>(`${scene}/pcrs.json`);
  return new Map(Object.entries(sha256).map(([pcr, value]) => [Number(pcr), value]));
};

function factsOf(scene: string): BootFacts {
  const log = vectorBytes(`${scene}/boot.evl`);
  const outcome = verifyEventLog({ log, bank: 'sha256', policyPcrs: POLICY_PCRS, quotedPcrs: pcrsOf(scene) });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
  return bootFacts(outcome.log);
}

const imaOf = (scene: string): VerifiedIma =>
  verifiedIma(imaInput([], { log: vectorBytes(`${scene}/boot.ima`), quotedPcrs: pcrsOf(scene) }));

describe('boots of virtual machines, by what the good one did', () => {
  const policy = capturedBootPolicy(factsOf(GOOD));
  test.each<[string, readonly string[]]>([
    [GOOD, []],
    ['vm-initrd', ['loader-file-refused']],
    ['vm-other-kernel', ['boot-application-refused', 'loader-file-refused']],
    ['vm-kernel-shortcut', ['secure-boot-not-proven']],
    ['vm-command-line', ['command-line-refused', 'grub-command-refused', 'loader-file-refused']],
  ])('%s is refused for: %j', (scene, expected) => {
    const codes = new Set(appraiseBoot(factsOf(scene), policy).denials.map(({ code }) => code));
    expect([...codes].toSorted()).toEqual(expect.arrayContaining([...expected]));
    expect(codes.size === 0).toBe(expected.length === 0);
  });

  test('each log gives the PCR values of its own boot and of no other', () => {
    const log = vectorBytes('vm-command-line/boot.evl');
    const outcome = verifyEventLog({ log, bank: 'sha256', policyPcrs: POLICY_PCRS, quotedPcrs: pcrsOf(GOOD) });
    expect(outcome.ok).toBe(false);
  });
});

describe('IMA lists of virtual machines', () => {
  test.each([[GOOD], ['vm-command-line'], ['vm-unknown-file']])('%s is proven by PCR 10', (scene) => {
    const { records, unproven } = imaOf(scene);
    expect(records.length).toBeGreaterThan(500);
    expect(unproven).toBeLessThan(records.length / 10);
  });

  test('what one machine ran accepts another of its image, beside what differs between machines', () => {
    const commandLines = provenCommandLines(factsOf(GOOD));
    const { policy } = capturedImaPolicy(imaOf(GOOD), commandLines ?? []);
    const refusedWith = (excludes: readonly string[]): readonly string[] =>
      appraiseIma({
        ima: imaOf('vm-command-line'),
        policy: imaPolicy({ ...policy, excludes: [...excludes], violations: 'allow-excluded' }),
        commandLines,
        acceptedBefore: false,
      }).denials.map(({ code }) => code);
    expect(refusedWith(WIDENED)).toEqual([]);
    expect(refusedWith([])).toContain('ima-file-refused');
  });

  test('a file that nobody knows is refused by its path', () => {
    const commandLines = provenCommandLines(factsOf(GOOD));
    const { policy } = capturedImaPolicy(imaOf(GOOD), commandLines ?? []);
    const { denials } = appraiseIma({
      ima: imaOf('vm-unknown-file'),
      policy: imaPolicy({ ...policy, excludes: [...WIDENED], violations: 'allow-excluded' }),
      commandLines,
      acceptedBefore: false,
    });
    const paths = denials.flatMap((denial) =>
      denial.code === 'ima-file-refused' ? [denial.found?.split(' ')[0] ?? ''] : [],
    );
    expect(paths).toHaveLength(denials.length);
    // The good machine's list ends before cloud-init's last stage, which this one has behind it.
    expect(paths.filter((path) => !path.startsWith('/usr/lib/python3/'))).toEqual(['/opt/tool']);
  });
});
