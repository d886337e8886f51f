import { describe, expect, test } from 'vitest';

import { appraise } from '#attestation/appraise.ts';
import { claimsOf, labAppraisal, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

// Whoever can pull a discrete TPM's reset line may replay a good boot into it: no quote shows that. What it leaves is a reset too many.
describe('T30 a TPM reset without its machine', () => {
  const hourLater = new Date(LAB_NOW.getTime() + 3_600_000);

  /** The advisories of a join an hour after the last one, with what happened to the TPM between the two. */
  const advisoriesAfter = (happened: (tpm: ReturnType<typeof labNode>['tpm']) => void) => {
    const node = labNode();
    const { bootEpoch } = claimsOf(labJoin(node));
    const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch });
    happened(node.tpm);
    const result = appraise(labAppraisal(node, claimsOf(labJoin(node)), { node: record, now: hourLater }));
    expect(result.status).toBe('affirming');
    return result.advisories.map(({ code }) => code);
  };

  test('an hour on the clock in an hour is in order', () => {
    expect(advisoriesAfter((tpm) => tpm.tick(3_600_000))).toEqual([]);
  });

  test('one reset is a reboot', () => {
    expect(advisoriesAfter((tpm) => tpm.reset())).toEqual([]);
  });

  test('two resets since the last join are told', () => {
    expect(
      advisoriesAfter((tpm) => {
        tpm.reset();
        tpm.reset();
      }),
    ).toEqual(['reset-count-jumped']);
  });

  test('a clock that stood still, or ran ahead, within one boot is told', () => {
    expect(advisoriesAfter((tpm) => tpm.tick(1_000))).toEqual(['clock-diverged']);
    expect(advisoriesAfter((tpm) => tpm.tick(9_000_000))).toEqual(['clock-diverged']);
  });

  test('a clock within the tolerance of its rate is not', () => {
    expect(advisoriesAfter((tpm) => tpm.tick(3_600_000 * 1.3))).toEqual([]);
    expect(advisoriesAfter((tpm) => tpm.tick(3_600_000 * 0.7))).toEqual([]);
  });
});
