import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

// PCR 16 can be reset by any program, which can then extend into it what a good PCR 10 would hold (CVE-2024-29039).
describe('T21 PCR 16 shown as PCR 10', () => {
  const asked = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const quoted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16];
  const tpm = labTpm();
  tpm.extend(10, fromHex('bad1'));
  tpm.extend(16, fromHex('600d'));
  const node = labNode({ tpm });

  test('PCR 10 itself is accepted', () => {
    expect(verdict(labJoin(node, {}, { pcrs: asked }))).toBe('accepted');
  });

  test('the value of PCR 16 under the index 10 has the right digest, and is refused for its selection', () => {
    const join = labJoin(node, { pcrs: quoted }, { pcrs: asked });
    const { 16: good = '' } = tpm.readPcrs('sha256', [16]);
    const pcrs = { sha256: { ...tpm.readPcrs('sha256', asked), 10: good } };
    expect(verdict({ ...join, evidence: { ...join.evidence, pcrs } })).toBe('pcr-selection-mismatch');
  });
});
