import { describe, expect, test } from 'vitest';

import { enrol, join, joinLab, told } from '#test/lab/join-lab.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe('T61 one key for two nodes: a disk or a virtual TPM that was copied', () => {
  const pair = async () => {
    const lab = await joinLab();
    const copy = labTpm({ akOf: lab.tpm });
    const other = labTpm();
    await enrol(lab.store, copy, { name: 'worker-8' });
    await enrol(lab.store, other, { name: 'worker-9' });
    const states = async () => (await lab.store.listNodes({}, { limit: 9 })).map(({ state }) => state);
    return { lab, copy, other, states };
  };

  test('T61 nodes with keys of their own join', async () => {
    const { lab, other, states } = await pair();
    expect([told(await join(lab)), told(await join({ ...lab, tpm: other }, { name: 'worker-9' }))]).toEqual([
      'ok',
      'ok',
    ]);
    expect(await states()).toEqual(['joined', 'enrolled', 'joined']);
  });

  test('T61 the second to be certified for a key is refused, and both are frozen', async () => {
    const { lab, other, states } = await pair();
    const key = labKey();
    await join(lab, { key });
    expect(told(await join({ ...lab, tpm: other }, { name: 'worker-9', key }))).toBe('evidence-rejected');
    expect(await states()).toEqual(['quarantined', 'enrolled', 'quarantined']);
    expect(told(await join(lab))).toBe('evidence-rejected');
  });

  test('T61 the second to quote with an AK is refused, and both are frozen', async () => {
    const { lab, copy, states } = await pair();
    await join(lab);
    expect(told(await join({ ...lab, tpm: copy }, { name: 'worker-8' }))).toBe('evidence-rejected');
    expect(await states()).toEqual(['quarantined', 'quarantined', 'enrolled']);
  });
});
