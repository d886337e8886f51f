import { describe, expect, test } from 'vitest';

import { auditTypes, told } from '#test/lab/join-lab.ts';
import { earned, joinSigned, measurementLab, stateOf } from '#test/lab/measurement-lab.ts';

describe('T72 a key file and its certificate are copied to another machine', () => {
  test('T72 one holder renews for as long as it likes', async () => {
    const lab = await measurementLab();
    let generation: string | undefined;
    for (let join = 0; join < 4; join += 1) generation = earned(await joinSigned(lab, { generation }));
    expect(await stateOf(lab)).toBe('joined');
  });

  test('T72 the copy that comes late is refused, and the node is frozen', async () => {
    const lab = await measurementLab();
    const copied = earned(await joinSigned(lab));
    const next = earned(await joinSigned(lab, { generation: copied }));
    earned(await joinSigned(lab, { generation: next }));
    expect(told(await joinSigned(lab, { generation: copied }))).toBe('evidence-rejected');
    expect(await stateOf(lab)).toBe('quarantined');
    expect(await auditTypes(lab.store)).toContain('node.conflict');
  });

  test('T72 the copy that comes first is exposed by the original', async () => {
    const lab = await measurementLab();
    const copied = earned(await joinSigned(lab));
    const stolen = earned(await joinSigned(lab, { generation: copied }));
    earned(await joinSigned(lab, { generation: stolen }));
    expect(told(await joinSigned(lab, { generation: copied }))).toBe('evidence-rejected');
    expect(await stateOf(lab)).toBe('quarantined');
  });
});
