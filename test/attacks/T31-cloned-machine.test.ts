import { describe, expect, test } from 'vitest';

import type { NodeName } from '#core/ids.ts';
import { appraisal, claimsOf, labAppraisal, labRecord } from '#test/lab/tpm-appraisal.ts';
import { LAB_NOW } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

// That one EK is enrolled for one node at a time is the store's to hold.
describe('T31 one TPM in two machines: a virtual machine cloned, or put back to a snapshot', () => {
  const node = labNode();
  const snapshot = node.tpm.clockInfo;
  node.tpm.tick(60_000);
  const claims = claimsOf(labJoin(node));
  const record = labRecord(node, { state: 'joined', lastJoinAt: LAB_NOW, bootEpoch: claims.bootEpoch });

  test('the machine itself goes on', () => {
    node.tpm.tick(60_000);
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { node: record }))).toBe('affirming');
  });

  test('its clone under another name is refused', () => {
    const claimedNodeName = 'worker-8' as NodeName;
    const join = labJoin(node, {}, { claimedNodeName });
    const change = { node: labRecord(node), claimedNodeName };
    expect(appraisal(labAppraisal(node, claimsOf(join), change))).toEqual(['node-name-mismatch']);
  });

  test('its clone under the same name is behind it, and refused', () => {
    node.tpm.restoreClock({ ...snapshot, clock: snapshot.clock + 30_000n });
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { node: record }))).toEqual([
      'boot-epoch-rolled-back',
    ]);
  });

  test('so is the snapshot, booted before the reboot that the last join saw', () => {
    const later = { ...record, bootEpoch: { ...claims.bootEpoch, resetCount: claims.bootEpoch.resetCount + 1 } };
    node.tpm.restoreClock({ ...snapshot, clock: snapshot.clock + 10_000_000n });
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { node: later }))).toEqual(['boot-epoch-rolled-back']);
  });

  test('its EK enrolled for another node is not looked past', () => {
    const other = labRecord(labNode());
    node.tpm.restoreClock({ ...snapshot, clock: snapshot.clock + 20_000_000n });
    expect(appraisal(labAppraisal(node, claimsOf(labJoin(node)), { node: other }))).toEqual(['ek-not-enrolled']);
  });
});
