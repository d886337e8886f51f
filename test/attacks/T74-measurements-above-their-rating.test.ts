import { describe, expect, test } from 'vitest';

import { appraise } from '#attestation/appraise.ts';
import { checkSignedMeasurements } from '#attestation/signed-measurements/policy-contradiction.ts';
import { newRequestId, spkiFingerprint } from '#core/ids.ts';
import type { ProtectionRating } from '#core/node-record.ts';
import { systemRandom } from '#core/random.ts';
import { LAB_ACCEPTED, LAB_MEASUREMENTS } from '#test/lab/measurement-key.ts';
import { EDGE, measurementLab } from '#test/lab/measurement-lab.ts';
import { nodeName } from '#test/lab/join-lab.ts';

describe('T74 a machine without a TPM in a pool that is to be protected', () => {
  test.each<[ProtectionRating, number]>([
    ['default', 0],
    ['protected', 1],
    ['highly-protected', 1],
  ])('T74 a policy that takes them in a pool rated %s has %i errors', (protectionRating, errors) => {
    const signedMeasurements = LAB_ACCEPTED;
    expect(checkSignedMeasurements({ protectionRating, signedMeasurements }, '/pools/a')).toHaveLength(errors);
    expect(checkSignedMeasurements({ protectionRating, signedMeasurements: undefined }, '/pools/a')).toEqual([]);
  });

  test.each<[ProtectionRating, readonly string[]]>([
    ['default', []],
    ['protected', ['rating-above-evidence']],
    ['highly-protected', ['rating-above-evidence']],
  ])('T74 were such a policy in force, a pool rated %s gives it %j', async (protectionRating, denials) => {
    const lab = await measurementLab();
    const node = await lab.store.findNodeByName(nodeName(EDGE));
    const pools = new Map([...lab.policy.pools].map(([name, pool]) => [name, { ...pool, protectionRating }]));
    const keyId = spkiFingerprint(lab.key.spki);
    const result = appraise({
      claims: {
        kind: 'signed-measurements',
        keyId,
        measurements: LAB_MEASUREMENTS,
        issuedAt: lab.clock.now(),
        generation: undefined,
      },
      node,
      claimedNodeName: nodeName(EDGE),
      policy: { ...lab.policy, pools },
      requestId: newRequestId(systemRandom),
      now: lab.clock.now(),
    });
    expect(result.status === 'affirming' ? [] : result.denials.map(({ code }) => code)).toEqual(denials);
  });
});
