import { RATING_KEY, ratingLabels, ratingTaints } from '#attestation/protection-rating.ts';
import type { NodeId } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import type { NodeState, ProtectionRating } from '#core/node-record.ts';

import type { ClusterNode, Taint } from '../cluster/cluster-objects.ts';

/**
 * What Muster writes on a Node is under a prefix that kubelets may not set or alter (NodeRestriction): so what it did is on record in the
 * cluster, outlives every process, and cannot be forged by the node.
 */
const PREFIX = 'node-restriction.kubernetes.io/muster-';
/** Taint: the node is out of service. */
export const CONTAINED_KEY = `${PREFIX}contained`;
/** Label: it was Muster that cordoned it. */
export const CORDONED_KEY = `${PREFIX}cordoned`;
/** Label: which node of the inventory it is. */
export const NODE_ID_KEY = `${PREFIX}node-id`;

/** A managed node by the inventory. */
export interface Standing {
  readonly nodeId: NodeId;
  readonly state: NodeState;
  /** By the policy in force; undefined where that has no such pool. */
  readonly rating: ProtectionRating | undefined;
}

/** From which state on something is deleted: a retired node counts as barred. */
export const REMOVALS = ['never', 'barred', 'quarantined'] as const;
export type Removal = (typeof REMOVALS)[number];

export interface ContainmentOptions {
  readonly deletePods: Removal;
  readonly deleteNode: Removal;
}

/** What was done to a Node, for the record. */
export type ClusterAction = 'labels' | 'taints' | 'cordon' | 'uncordon' | 'create' | 'delete-pods' | 'delete-node';

/** A merge patch of a Node (RFC 7396): what is null goes away, lists are whole. */
export interface NodePatch {
  readonly metadata?: { readonly labels: Readonly<Record<string, string | null>> };
  readonly spec?: { readonly taints?: readonly Taint[]; readonly unschedulable?: true | null };
}

export interface NodePlan {
  /** Undefined: the Node is as it should be. */
  readonly patch: NodePatch | undefined;
  readonly actions: readonly ClusterAction[];
  readonly deletePods: boolean;
  readonly deleteNode: boolean;
}

/**
 * What is to be done to the Node of a managed node, in any state that it may have been left in. A second plan over the result is empty. Only
 * what Muster wrote is ever taken away: other taints and labels, and a cordon that somebody else set, stay.
 */
export function planNode(standing: Standing, node: ClusterNode, options: ContainmentOptions): NodePlan {
  switch (standing.state) {
    case 'joined':
      return planJoined(standing, node);
    case 'quarantined':
    case 'barred':
    case 'retired':
      return planContained(standing, node, options);
    case 'enrolled':
    case 'pending':
      // It has proven nothing since: whatever holds it back stays until it joins.
      return { patch: undefined, actions: [], deletePods: false, deleteNode: false };
    default:
      return unreachable(standing.state);
  }
}

function planJoined({ nodeId, rating }: Standing, node: ClusterNode): NodePlan {
  const isOurCordon = node.labels[CORDONED_KEY] !== undefined;
  const others = node.taints.filter(({ key }) => key !== CONTAINED_KEY && (rating === undefined || key !== RATING_KEY));
  const wanted = rating === undefined ? [] : ratingTaints(rating).map((taint) => kept(node.taints, taint));
  return plan(node, {
    labels: {
      [NODE_ID_KEY]: nodeId,
      // Without a rating nothing that asks for one may come here.
      [RATING_KEY]: rating === undefined ? null : (ratingLabels(rating)[RATING_KEY] ?? null),
      [CORDONED_KEY]: null,
    },
    taints: [...others, ...wanted],
    unschedulable: isOurCordon ? false : node.unschedulable,
  });
}

function planContained({ nodeId, state }: Standing, node: ClusterNode, options: ContainmentOptions): NodePlan {
  const taint = kept(node.taints, { key: CONTAINED_KEY, value: state, effect: 'NoExecute' });
  const planned = plan(node, {
    labels: { [NODE_ID_KEY]: nodeId, ...(node.unschedulable ? {} : { [CORDONED_KEY]: 'true' }) },
    taints: [...node.taints.filter(({ key }) => key !== CONTAINED_KEY), taint],
    unschedulable: true,
  });
  const reaches = (removal: Removal): boolean =>
    removal === 'quarantined' || (removal === 'barred' && state !== 'quarantined');
  const deleteNode = reaches(options.deleteNode);
  return { ...planned, deletePods: deleteNode || reaches(options.deletePods), deleteNode };
}

/** The taint as the node has it, with what the server added; else as it is wanted. */
function kept(
  taints: readonly Taint[],
  wanted: { readonly key: string; readonly value: string; readonly effect: string },
): Taint {
  const { key, value, effect } = wanted;
  return taints.find((taint) => taint.key === key && taint.value === value && taint.effect === effect) ?? { ...wanted };
}

function plan(
  node: ClusterNode,
  wanted: {
    readonly labels: Readonly<Record<string, string | null>>;
    readonly taints: readonly Taint[];
    readonly unschedulable: boolean;
  },
): NodePlan {
  const labels = Object.entries(wanted.labels).filter(([key, value]) => (node.labels[key] ?? null) !== value);
  const sameTaints =
    wanted.taints.length === node.taints.length && wanted.taints.every((taint) => node.taints.includes(taint));
  const sameCordon = wanted.unschedulable === node.unschedulable;
  const actions: ClusterAction[] = [];
  if (labels.length > 0) actions.push('labels');
  if (!sameTaints) actions.push('taints');
  if (!sameCordon) actions.push(wanted.unschedulable ? 'cordon' : 'uncordon');
  const spec = {
    ...(sameTaints ? {} : { taints: wanted.taints }),
    ...(sameCordon ? {} : { unschedulable: wanted.unschedulable ? (true as const) : null }),
  };
  const patch = {
    ...(labels.length === 0 ? {} : { metadata: { labels: Object.fromEntries(labels) } }),
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  };
  return { patch: actions.length === 0 ? undefined : patch, actions, deletePods: false, deleteNode: false };
}

/** The Node of a node that has joined, for a kubelet that does not register itself. */
export const newNodeObject = (name: string, { nodeId, rating }: Standing): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    labels: {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      [NODE_ID_KEY]: nodeId,
      ...(rating === undefined ? {} : ratingLabels(rating)),
    },
  },
  spec: { taints: rating === undefined ? [] : ratingTaints(rating) },
});
