import type { AuditEvent } from '#core/audit-record.ts';
import { allowsChange } from '#core/node-life.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { nodeConflict } from '#services/audit/admission-events.ts';
import type { Occasion } from '#services/audit/events.ts';
import type { NodesChange, NodesChangeOutcome } from '#services/store/node-life.ts';

import type { Claimant, KeyConflict } from './key-conflict.ts';

export interface FreezeHoldersDeps {
  readonly changeNodes: (change: NodesChange) => Promise<NodesChangeOutcome>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
  /** Tells whoever is on call that a person must act. */
  readonly alert: (facts: Readonly<Record<string, unknown>>, message: string) => void;
}

/** States change under our feet only while an administrator acts on the same nodes. */
const ATTEMPTS = 3;

/**
 * On resolution every node that the conflict freezes is quarantined, or was out of service already, and the conflict is on record: once about
 * each node that was frozen, or once where none was. Someone was told.
 */
export async function freezeHolders(
  deps: FreezeHoldersDeps,
  { denial, holders, freezes }: KeyConflict,
  { challenge, node }: Pick<Claimant, 'node'> & { readonly challenge: Pick<Claimant['challenge'], 'ekFingerprint'> },
  occasion: Occasion,
): Promise<void> {
  const names = holders.map(({ name }) => name);
  const conflict = { denial, claimantEk: challenge.ekFingerprint, claimant: node?.name, holders: names };
  const inService = new Map(
    freezes.filter(({ state }) => allowsChange(state, 'quarantine')).map((each) => [each.id, each]),
  );
  const frozen = await freeze(
    deps,
    [...inService.values()],
    (each) => ({
      id: each.id,
      event: nodeConflict(occasion, each.name, conflict),
    }),
    occasion.at,
  );
  if (frozen.length === 0) await deps.appendAudit(nodeConflict(occasion, names[0] ?? node?.name, conflict));
  const facts = { code: denial.code, ...conflict, denial: undefined, frozen, requestId: occasion.requestId };
  deps.alert(facts, 'two hold one key; the nodes named in `frozen` are quarantined');
}

/** The names of those that were frozen: those whose state still allowed it. */
async function freeze(
  { changeNodes }: FreezeHoldersDeps,
  nodes: readonly NodeRecord[],
  toChange: (node: NodeRecord) => NodesChange['nodes'][number],
  at: Date,
): Promise<readonly string[]> {
  let left = nodes;
  for (let attempt = 0; attempt < ATTEMPTS && left.length > 0; attempt += 1) {
    const outcome = await changeNodes({ change: 'quarantine', at, reason: undefined, nodes: left.map(toChange) });
    if (outcome.ok) return outcome.nodes.map(({ name }) => name);
    const refused = new Set(outcome.refused.map(({ index }) => index));
    left = left.filter((_, index) => !refused.has(index));
  }
  if (left.length > 0) throw new Error('the nodes’ states did not stand still');
  return [];
}
