import { describe, expect, test } from 'vitest';

import type { NodeState } from '#core/node-record.ts';
import type { ClusterNode } from '#services/kubernetes/cluster/cluster-objects.ts';
import { CONTAINED_KEY, CORDONED_KEY, planNode } from '#services/kubernetes/node-controller/node-plan.ts';
import { labNodeId } from '#test/lab/store-values.ts';

const NEVER = { deletePods: 'never', deleteNode: 'never' } as const;
const CONTAINED = { key: CONTAINED_KEY, value: 'barred', effect: 'NoExecute' };
const NODE: ClusterNode = {
  name: 'node-1',
  uid: '00000000-0000-4000-8000-000000000001',
  resourceVersion: '1',
  labels: { [CORDONED_KEY]: 'true' },
  taints: [CONTAINED],
  unschedulable: true,
  conditions: [],
};

const planOf = (state: NodeState, options: Parameters<typeof planNode>[2] = NEVER) =>
  planNode({ nodeId: labNodeId(1), state, rating: 'default' }, NODE, options);

describe('the plan for a Node that was contained', () => {
  test.each<NodeState>(['enrolled', 'pending'])(
    'is nothing while its node is %s: it has proven nothing since',
    (state) => {
      expect(planOf(state)).toEqual({ patch: undefined, actions: [], deletePods: false, deleteNode: false });
    },
  );

  test('gives it back when its node has joined', () => {
    const { actions, patch } = planOf('joined');
    expect(actions).toEqual(['labels', 'taints', 'uncordon']);
    expect(patch?.spec?.taints).not.toContainEqual(CONTAINED);
  });

  test.each<[NodeState, 'barred' | 'quarantined', boolean]>([
    ['quarantined', 'barred', false],
    ['quarantined', 'quarantined', true],
    ['barred', 'barred', true],
    ['retired', 'barred', true],
  ])('deletes what a %s node runs where that is from %s on: %s', (state, deletePods, isDeleted) => {
    expect(planOf(state, { deletePods, deleteNode: 'never' }).deletePods).toBe(isDeleted);
  });
});
