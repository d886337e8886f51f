import { describe, expect, test } from 'vitest';

import { fromHex } from '#core/bytes.ts';
import { appraisal, claimsOf, labAppraisal, labPolicy, verdict } from '#test/lab/tpm-appraisal.ts';
import { labChallenge, labEvidence, labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { quoteInput, quoteVector, quoteVerdict } from '#test/lab/tpm-quote-vectors.ts';

// A join has one quote, made after the activation, and it alone speaks of the boot: there are no earlier counters to compare it with. So
// a restart in between must show in what the quote says, and nothing from before it may be put beside it.
describe('T29 a machine restarted between activation and quote', () => {
  test("a real TPM's quote from after a reboot does not go with the PCR values from before", () => {
    const { pcrs = {} } = quoteVector('ok_ecc');
    const after = quoteVector('after_reboot_same_ak');
    expect(quoteVerdict(quoteInput(after))).toBe('accepted');
    expect(quoteVerdict(quoteInput({ ...after, pcrs }))).toBe('pcr-composite-mismatch');
  });

  test('the same software booted again is admitted, with the counters of its new boot', () => {
    const { node, policy, challenge, join } = activated();
    node.tpm.reset();
    node.tpm.extend(4, GOOD);
    const claims = claimsOf({ ...join, challenge, evidence: labEvidence(node, challenge) });
    expect(claims.bootEpoch.resetCount).toBe(8);
    expect(appraisal(labAppraisal(node, claims, { policy }))).toBe('affirming');
  });

  test('other software is found out, whichever PCR values it shows', () => {
    const { node, policy, challenge, join } = activated();
    const before = join.evidence.pcrs;
    node.tpm.reset();
    node.tpm.extend(4, fromHex('bad0'));
    const evidence = labEvidence(node, challenge);
    expect(verdict({ ...join, challenge, evidence: { ...evidence, pcrs: before } })).toBe('pcr-composite-mismatch');
    const claims = claimsOf({ ...join, challenge, evidence });
    expect(appraisal(labAppraisal(node, claims, { policy }))).toEqual(['pcr-mismatch']);
  });
});

const GOOD = fromHex('600d');

function activated() {
  const node = labNode();
  node.tpm.extend(4, GOOD);
  return { node, policy: labPolicy(node), challenge: labChallenge(node), join: labJoin(node) };
}
