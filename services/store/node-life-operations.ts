import type { NodeId, NodeName, Serial } from '#core/ids.ts';
import { CERTIFICATE_EFFECTS, type NodeChange, type NodeStanding, standingAfter } from '#core/node-life.ts';
import type { NodeState } from '#core/node-record.ts';
import type { ListedReason, RevocationReason } from '#core/revocation-reason.ts';

import { appendAudit } from './append-audit.ts';
import type { ChangedNode, NodeLifeWriter, NodesChange, RefusedChange } from './node-life.ts';
import { nodeLifeQueries } from './node-life-queries.ts';
import { PAGE_MAX } from './page-limit.ts';
import type { Executor } from './prepared-query.ts';
import { isFinal } from './revocation-operations.ts';
import { revocationQueries, type RevocationQueries } from './revocation-queries.ts';
import type { StoreParts } from './store-parts.ts';

/** A node that may be changed, and how. */
interface Planned {
  readonly id: NodeId;
  readonly name: NodeName;
  readonly from: NodeState;
  readonly after: NodeStanding;
  readonly event: NodesChange['nodes'][number]['event'];
}

/** Why a certificate that is being signed is revoked when its node is put in quarantine: it cannot be handed out any more. */
const NEVER_HANDED_OUT: RevocationReason = 'superseded';

/** Nodes' standing, and with it their certificates'. */
export function nodeLifeOperations({ builder, transact, queries: { audit } }: StoreParts): NodeLifeWriter {
  const nodes = nodeLifeQueries(builder);
  const revocations = revocationQueries(builder);

  async function plan(tx: Executor, { change, nodes: named }: NodesChange) {
    const planned: Planned[] = [];
    const refused: RefusedChange[] = [];
    for (const [index, { id, event }] of named.entries()) {
      const [row] = (await nodes.find(tx, { id })).rows;
      const after = row === undefined ? undefined : standingAfter(standingOf(row), change);
      if (row === undefined || after === undefined) refused.push({ index, state: row?.state });
      else planned.push({ id, name: row.name, from: row.state, after, event });
    }
    return { planned, refused };
  }

  async function carryOut(tx: Executor, { change, at, reason }: NodesChange, node: Planned): Promise<ChangedNode> {
    const { id, name, from, after, event } = node;
    await nodes.set(tx, {
      id,
      state: after.state,
      quarantined_from: after.quarantinedFrom ?? null,
      barred_from: after.barredFrom ?? null,
      retired_at: after.state === 'retired' ? at.toISOString() : null,
    });
    const effects = await certificateEffects(tx, revocations, { nodeId: id, change, at, reason });
    const serials = effects.map(({ serial }) => serial);
    const facts = { ...event.facts, from, to: after.state, serials };
    const { sequence } = await appendAudit(tx, audit, { ...event, facts });
    for (const effect of effects) await applyEffect(tx, revocations, effect, { at, change: sequence });
    return { id, name, from, to: after.state, serials };
  }

  return {
    changeNodes: (change) =>
      transact(async (tx) => {
        assertOnceEach(change);
        const { planned, refused } = await plan(tx, change);
        if (refused.length > 0) return { ok: false, refused };
        const changed: ChangedNode[] = [];
        for (const node of planned) changed.push(await carryOut(tx, change, node));
        return { ok: true, nodes: changed };
      }),
  };
}

function assertOnceEach({ nodes }: NodesChange): void {
  if (nodes.length > PAGE_MAX) throw new RangeError(`more than ${PAGE_MAX} nodes`);
  if (new Set(nodes.map(({ id }) => id)).size !== nodes.length) throw new RangeError('a node twice');
}

function standingOf(row: {
  state: NodeState;
  quarantined_from: NodeStanding['quarantinedFrom'] | null;
  barred_from: NodeStanding['barredFrom'] | null;
}): NodeStanding {
  const { state, quarantined_from: quarantinedFrom, barred_from: barredFrom } = row;
  return { state, quarantinedFrom: quarantinedFrom ?? undefined, barredFrom: barredFrom ?? undefined };
}

/** What becomes of one certificate. `undefined` as its reason: its hold ends. */
interface Effect {
  readonly serial: Serial;
  readonly notAfter: string;
  readonly reason: ListedReason | undefined;
}

async function certificateEffects(
  tx: Executor,
  revocations: RevocationQueries,
  asked: { nodeId: NodeId; change: NodeChange; at: Date; reason: RevocationReason | undefined },
): Promise<readonly Effect[]> {
  const effect = CERTIFICATE_EFFECTS[asked.change];
  if (effect.kind === 'none') return [];
  const { rows } = await revocations.standingsOfNode(tx, { nodeId: asked.nodeId, at: asked.at.toISOString() });
  if (effect.kind === 'release-holds') {
    return rows
      .filter(({ reason }) => reason === 'certificateHold')
      .map(({ serial, not_after: notAfter }) => ({ serial, notAfter, reason: undefined }));
  }
  return rows
    .filter(({ not_after: notAfter, reason }) => notAfter >= asked.at.toISOString() && !isFinal(reason))
    .map(({ serial, not_after: notAfter, state }) => {
      if (effect.kind === 'revoke') return { serial, notAfter, reason: asked.reason ?? effect.reason };
      return { serial, notAfter, reason: state === 'issued' ? 'certificateHold' : NEVER_HANDED_OUT };
    });
}

async function applyEffect(
  tx: Executor,
  revocations: RevocationQueries,
  { serial, notAfter, reason }: Effect,
  { at, change }: { at: Date; change: number },
): Promise<void> {
  await revocations.setState(tx, { serial, state: reason === undefined ? 'issued' : 'revoked' });
  const written =
    reason === undefined
      ? await revocations.endHold(tx, { serial, change })
      : await revocations.put(tx, { serial, not_after: notAfter, reason, revoked_at: at.toISOString(), change });
  if (written.affected !== 1) throw new Error('the list has changed within a transaction');
}
