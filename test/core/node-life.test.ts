import { describe, expect, test } from 'vitest';

import { allowsChange, NODE_CHANGES, type NodeStanding, standingAfter } from '#core/node-life.ts';
import type { NodeState } from '#core/node-record.ts';

const STATES: readonly NodeState[] = ['enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired'];

const standing = (state: NodeState, override: Partial<NodeStanding> = {}): NodeStanding => ({
  state,
  quarantinedFrom: undefined,
  barredFrom: undefined,
  ...override,
});

/** The state after the changes, or the first that was refused. */
function after(from: NodeState, ...changes: readonly (typeof NODE_CHANGES)[number][]): string {
  let now = standing(from);
  for (const change of changes) {
    const next = standingAfter(now, change);
    if (next === undefined) return `${now.state} refuses ${change}`;
    now = next;
  }
  return now.state;
}

describe('a node’s life', () => {
  test.for<[NodeState, string]>([
    ['enrolled', 'quarantine bar retire'],
    ['pending', 'approve quarantine bar retire'],
    ['joined', 'quarantine bar retire'],
    ['quarantined', 'release bar retire'],
    ['barred', 'unbar retire'],
    ['retired', ''],
  ])('lets a node that is %s be changed so: %s', ([state, allowed]) => {
    expect(NODE_CHANGES.filter((change) => allowsChange(state, change)).join(' ')).toBe(allowed);
    expect(NODE_CHANGES.filter((change) => standingAfter(standing(state), change) !== undefined).join(' ')).toBe(
      allowed,
    );
  });

  test.for<[NodeState, string, string]>([
    ['joined', 'quarantine release', 'joined'],
    ['enrolled', 'quarantine release', 'enrolled'],
    ['pending', 'quarantine release', 'pending'],
    ['pending', 'approve', 'enrolled'],
    ['joined', 'bar unbar', 'enrolled'],
    ['enrolled', 'bar unbar', 'enrolled'],
    ['pending', 'bar unbar', 'pending'],
    ['pending', 'bar unbar approve', 'enrolled'],
    ['joined', 'quarantine bar', 'barred'],
    ['joined', 'quarantine bar unbar', 'quarantined'],
    ['joined', 'quarantine bar unbar release', 'enrolled'],
    ['pending', 'quarantine bar unbar release', 'pending'],
    ['joined', 'quarantine bar release', 'barred refuses release'],
    ['joined', 'bar unbar quarantine release', 'enrolled'],
    ['joined', 'retire unbar', 'retired refuses unbar'],
  ])('takes a node that is %s through %s to: %s', ([from, changes, to]) => {
    const steps = changes.split(' ').flatMap((word) => NODE_CHANGES.filter((change) => change === word));
    expect(after(from, ...steps)).toBe(to);
  });

  test.for<[NodeState, 'release' | 'unbar']>([
    ['quarantined', 'release'],
    ['barred', 'unbar'],
  ])('of a node that is %s with nothing on record to go back to leads through %s to pending', ([state, change]) => {
    expect(standingAfter(standing(state), change)?.state).toBe('pending');
  });

  test('never leads out of retirement, nor by any change to joined but a release', () => {
    for (const state of STATES) {
      for (const change of NODE_CHANGES) {
        const before = standing(state, { quarantinedFrom: 'joined', barredFrom: 'joined' });
        const to = standingAfter(before, change)?.state;
        expect(`${state} ${change} ${to}`).not.toMatch(/^retired \S+ (?!undefined)/);
        expect(`${change} ${to}`).not.toMatch(/^(?!release)\S+ joined/);
      }
    }
  });
});
