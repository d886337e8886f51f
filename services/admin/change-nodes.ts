import type { Clock } from '#core/clock.ts';
import type { NodeName } from '#core/ids.ts';
import { allowsChange, CERTIFICATE_EFFECTS } from '#core/node-life.ts';
import type { NodeRecord, NodeState } from '#core/node-record.ts';
import type { RevocationReason } from '#core/revocation-reason.ts';
import type { FieldError, ProblemName } from '#protocol/problem.ts';
import {
  NODE_CHANGE_MAX,
  NODE_REVOCATION_REASONS,
  type NodeChangeRequest,
  nodeRevocationReason,
  type NodeSelector,
} from '#protocol/revocation.ts';
import type { Occasion } from '#services/audit/events.ts';
import { nodeChanged } from '#services/audit/node-life-events.ts';
import type { ChangedNode } from '#services/store/node-life.ts';
import type { Store } from '#services/store/store.ts';

import { matchesGlob } from './name-glob.ts';

export interface ChangeNodesDeps {
  readonly now: Clock;
  readonly store: Pick<Store, 'findNodeByName' | 'listNodes' | 'changeNodes'>;
}

/** Who asks, and in which request. */
export interface Asker extends Omit<Occasion, 'at'> {
  /** The administrator's name, from the client certificate. */
  readonly name: string;
}

export type Refused = {
  readonly ok: false;
  readonly problem: Extract<
    ProblemName,
    'not-found' | 'state-conflict' | 'precondition-failed' | 'revocation-reason-refused'
  >;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
};

export type ChangeOutcome =
  | { readonly ok: true; readonly nodes: readonly NodeRecord[]; readonly changed: readonly ChangedNode[] | undefined }
  | Refused;

/** Faults that one refusal lists. */
const FAULTS_LISTED = 100;
const PAGE = 1_000;

/**
 * Changes all of the nodes or none. On `ok` every node was known, in a state that allows the change, and as many as were expected; states,
 * certificates and audit records are durable (`changed` tells of them). A dry run checked the same, and changed nothing.
 */
export async function changeNodes(
  deps: ChangeNodesDeps,
  request: NodeChangeRequest,
  asker: Asker,
): Promise<ChangeOutcome> {
  const { change, expect, dryRun, text } = request;
  const reason = reasonOf(request);
  if (!reason.ok) return reason;
  const found = await (request.selector === undefined
    ? byName(deps, request.nodes ?? [])
    : bySelector(deps, request.selector));
  if (!found.ok) return found;
  const { nodes } = found;
  if (expect !== undefined && expect !== nodes.length) {
    return { ok: false, problem: 'precondition-failed', detail: `it is about ${nodes.length} nodes, not ${expect}` };
  }
  const stuck = nodes.flatMap(({ name, state }, index) =>
    allowsChange(state, change) ? [] : [{ index, name, state }],
  );
  if (stuck.length > 0) return conflict(change, stuck);
  if (dryRun) return { ok: true, nodes, changed: undefined };

  const { name: by, ...where } = asker;
  const at = deps.now();
  const outcome = await deps.store.changeNodes({
    change,
    at,
    reason: reason.reason,
    nodes: nodes.map(({ id, name: nodeName }) => ({
      id,
      event: nodeChanged({ ...where, at }, by, change, { nodeId: id, nodeName, reason: reason.reason, text }),
    })),
  });
  if (outcome.ok) return { ok: true, nodes, changed: outcome.nodes };
  // Somebody else was faster.
  const refused = outcome.refused.flatMap(({ index, state }) => {
    const name = nodes[index]?.name;
    return name === undefined || state === undefined ? [] : [{ index, name, state }];
  });
  return conflict(change, refused);
}

type Reason = { readonly ok: true; readonly reason: RevocationReason | undefined } | Refused;

function reasonOf({ change, reason }: NodeChangeRequest): Reason {
  if (reason === undefined) return { ok: true, reason: undefined };
  if (CERTIFICATE_EFFECTS[change].kind !== 'revoke')
    return refuseReason(`${change} revokes nothing, so it takes no reason`);
  const known = nodeRevocationReason(reason);
  return known === undefined ? refuseReason() : { ok: true, reason: known };
}

/** The refusal of a reason, with those that there are. */
export const refuseReason = (detail = `one of ${NODE_REVOCATION_REASONS.join(', ')} is needed`): Refused => ({
  ok: false,
  problem: 'revocation-reason-refused',
  detail,
});

type Found = { readonly ok: true; readonly nodes: readonly NodeRecord[] } | Refused;

async function byName({ store }: ChangeNodesDeps, names: readonly NodeName[]): Promise<Found> {
  const nodes: NodeRecord[] = [];
  const errors: FieldError[] = [];
  const seen = new Set<NodeName>();
  for (const [index, name] of names.entries()) {
    const node = await store.findNodeByName(name);
    if (node === undefined) errors.push({ pointer: `/nodes/${index}`, detail: `there is no node named ${name}` });
    else if (!seen.has(name)) nodes.push(node);
    seen.add(name);
  }
  if (errors.length === 0) return { ok: true, nodes };
  const detail = names.length === 1 ? `there is no node named ${names[0] ?? ''}` : `${errors.length} are not there`;
  return { ok: false, problem: 'not-found', detail, errors: errors.slice(0, FAULTS_LISTED) };
}

async function bySelector({ store }: ChangeNodesDeps, { pool, state, name }: NodeSelector): Promise<Found> {
  const nodes: NodeRecord[] = [];
  for (let after: NodeName | undefined, more = true; more;) {
    const page = await store.listNodes({ pool, state }, { after, limit: PAGE });
    nodes.push(...page.filter((node) => name === undefined || matchesGlob(name, node.name)));
    if (nodes.length > NODE_CHANGE_MAX) {
      return { ok: false, problem: 'state-conflict', detail: `it selects more than ${NODE_CHANGE_MAX} nodes` };
    }
    after = page.at(-1)?.name;
    more = page.length === PAGE;
  }
  return nodes.length > 0 ? { ok: true, nodes } : { ok: false, problem: 'not-found', detail: 'it selects no node' };
}

function conflict(
  change: NodeChangeRequest['change'],
  stuck: readonly { readonly index: number; readonly name: NodeName; readonly state: NodeState }[],
): Refused {
  const errors = stuck.slice(0, FAULTS_LISTED).map(({ index, name, state }) => ({
    pointer: `/nodes/${index}`,
    detail: `${name} is ${state}, which ${change} does not start from`,
  }));
  const [first] = errors;
  const detail =
    stuck.length === 1 && first !== undefined ? first.detail : `${stuck.length} nodes are in another state`;
  return { ok: false, problem: 'state-conflict', detail, errors };
}
