import { expect, test } from 'vitest';

import type { ProtectionRating } from '#core/node-record.ts';
import { renderJoin } from '#services/join/admitted.ts';
import { join, type JoinLab, joinLab } from '#test/lab/join-lab.ts';

async function answer(lab: JoinLab, protectionRating: ProtectionRating) {
  const outcome = await join(lab);
  if (!outcome.ok) throw new Error(outcome.problem);
  const { admitted } = outcome;
  return renderJoin({ ...admitted, pool: { ...admitted.pool, protectionRating } }, lab.deps.cluster).kubernetes;
}

test('a node registers with its pool’s taints and its rating’s, and sets no label that is not its to set', async () => {
  const lab = await joinLab();
  const own = { key: 'muster.example/new', effect: 'NoSchedule' };
  const rated = { key: 'node-restriction.kubernetes.io/muster-protection-rating', effect: 'NoSchedule' };
  expect(await answer(lab, 'default')).toMatchObject({ registerWithTaints: [own] });
  expect(await answer(lab, 'protected')).toMatchObject({
    nodeLabels: { 'muster.example/pool': 'general' },
    registerWithTaints: [own, { ...rated, value: 'protected' }],
  });
});
