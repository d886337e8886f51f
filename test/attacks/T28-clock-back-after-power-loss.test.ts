import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { appraise } from '#attestation/appraise.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { claimsOf, labAppraisal, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import type { QuoteVector } from '#test/lab/tpm-quote-vectors.ts';
import { vectorJson } from '#test/lab/vectors.ts';

// A TPM writes its clock down now and then; after a power loss it resumes from what it wrote, and says that the clock is not safe.
describe('T28 a clock that went back over a power loss', () => {
  const [, , , before, after] = vectorJson<readonly QuoteVector[]>('generated-swtpm/clockinfo-sequence.json').map(
    ({ attest }) => parseAttest(fromHex(attest)).clockInfo,
  );

  test('is what a real TPM shows: less clock, one reset more, not safe', () => {
    expect(before).toMatchObject({ clock: 3521n, resetCount: 5, safe: false });
    expect(after).toMatchObject({ clock: 3518n, resetCount: 6, safe: false });
  });

  test('is accepted, with an advisory', () => {
    if (before === undefined || after === undefined) throw new RangeError('no such quote');
    const node = labNode();
    const bootEpoch = { resetCount: before.resetCount, restartCount: before.restartCount, clockMs: before.clock };
    const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch });
    node.tpm.restoreClock(after);
    const result = appraise(labAppraisal(node, claimsOf(labJoin(node)), { node: record }));
    expect(result).toMatchObject({ status: 'affirming', advisories: [{ code: 'clock-not-safe' }] });
  });

  test('a safe clock draws no advisory', () => {
    const node = labNode();
    expect(appraise(labAppraisal(node, claimsOf(labJoin(node)))).advisories).toEqual([]);
  });
});
