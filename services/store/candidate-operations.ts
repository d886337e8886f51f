import { type Candidate, type CandidateProof, proofChanges } from '#core/candidate.ts';
import { canonicalJson } from '#core/canonical-json.ts';

import { appendAudit } from './append-audit.ts';
import { candidateQueries } from './candidate-queries.ts';
import type {
  Approval,
  ApprovalOutcome,
  CandidateReader,
  CandidateSighting,
  CandidateWriter,
  Queued,
  QueueBounds,
} from './candidates.ts';
import { BY_RULE } from './candidates.ts';
import { newNodeRecord } from './new-node-record.ts';
import { insertNode } from './node-operations.ts';
import { pageLimit } from './page-limit.ts';
import type { Executor } from './prepared-query.ts';
import { nodeFromRow } from './rows.ts';
import type { CandidatesTable } from './schema.ts';
import type { StoreParts } from './store-parts.ts';
import type { Enrolment } from './store.ts';

type Queries = ReturnType<typeof candidateQueries>;

/** Machines that wait for an administrator, or that their pool enrols by rule. */
export function candidateOperations(parts: StoreParts): CandidateReader & CandidateWriter {
  const { builder, reader, transact, queries } = parts;
  const candidates = candidateQueries(builder);
  return {
    async listCandidates(at, limit) {
      const { rows } = await candidates.list(reader, { at: at.toISOString(), limit: pageLimit(limit) });
      return rows.map(candidateFromRow);
    },

    async findCandidate(id, at) {
      const { rows } = await candidates.find(reader, { id, at: at.toISOString() });
      return rows.map(candidateFromRow).at(0);
    },

    queueCandidate: (sighting, bounds, event) =>
      transact(async (tx) => {
        const queued = await queue(tx, candidates, sighting, bounds);
        if (queued.kind === 'queued') await appendAudit(tx, queries.audit, event);
        return queued;
      }),

    approveCandidate: (approval, event) =>
      transact(async (tx) => {
        const outcome = await approve(tx, parts, candidates, approval);
        if (outcome.ok) await appendAudit(tx, queries.audit, event);
        return outcome;
      }),

    refuseCandidate: (id, { by, at, reason }, event) =>
      transact(async (tx) => {
        const { affected } = await candidates.refuse(tx, { id, by, at: at.toISOString(), reason });
        if (affected !== 1) return false;
        await appendAudit(tx, queries.audit, event);
        return true;
      }),

    enrolByRule: ({ enrolment, at, cap }, event) =>
      transact(async (tx) => {
        const { pool } = enrolment;
        const since = cap.since.toISOString();
        const [counted] = (await candidates.countEnrolledBy(tx, { by: BY_RULE, pool, since })).rows;
        if (Number(counted?.count ?? 0) >= cap.count) return { ok: false, conflict: 'cap-reached' };
        const conflict = await conflictOf(tx, parts, enrolment);
        if (conflict !== undefined) return { ok: false, conflict };
        await insertNode(tx, queries.nodes, enrolment, BY_RULE, at);
        await candidates.removeOfEk(tx, { ek: enrolment.ekFingerprint });
        await appendAudit(tx, queries.audit, event);
        return { ok: true, node: newNodeRecord(enrolment, BY_RULE, at) };
      }),
  };
}

async function queue(
  tx: Executor,
  queries: Queries,
  sighting: CandidateSighting,
  bounds: QueueBounds,
): Promise<Queued> {
  const { ekFingerprint: ek, nodeId, at, network } = sighting;
  await queries.forget(tx, { at: at.toISOString() });
  if (nodeId !== undefined) await queries.holdNode(tx, { id: nodeId });
  const [row] = (await queries.findByEk(tx, { ek })).rows;
  const before = row === undefined ? undefined : candidateFromRow(row);
  if (before !== undefined && before.nodeId === nodeId) {
    if (before.refusal !== undefined) return { kind: 'refused', reason: before.refusal.reason };
    return { kind: 'waiting', candidate: await seeAgain(tx, queries, before, sighting) };
  }
  // What was said of the machine while it was not this node, or no node, says nothing of it now.
  await queries.removeOfEk(tx, { ek });
  const [total] = (await queries.countAll(tx, {})).rows;
  if (Number(total?.count ?? 0) >= bounds.total) return { kind: 'full', bound: 'total' };
  const [ofNetwork] = (await queries.countOfNetwork(tx, { network })).rows;
  if (Number(ofNetwork?.count ?? 0) >= bounds.perNetwork) return { kind: 'full', bound: 'perNetwork' };
  const proof = canonicalJson(sighting.proof);
  await queries.queue(tx, {
    ...columnsOf(sighting),
    ek_fingerprint: ek,
    node_id: nodeId ?? null,
    first_seen_at: at.toISOString(),
    first_proof: proof,
  });
  const { expiresAt, requestId, id, ekCertificate, pool, proof: first } = sighting;
  const seen = { firstSeenAt: at, lastSeenAt: at, expiresAt, requestId, revision: 1, first, latest: first };
  return {
    kind: 'queued',
    candidate: { id, ekFingerprint: ek, ekCertificate, pool, nodeId, state: 'waiting', ...seen, refusal: undefined },
  };
}

async function seeAgain(
  tx: Executor,
  queries: Queries,
  before: Candidate,
  sighting: CandidateSighting,
): Promise<Candidate> {
  const { pool, at, expiresAt, requestId, ekCertificate, proof: latest } = sighting;
  const changed = before.pool !== pool || proofChanges(before.latest, latest).length > 0;
  const changes = changed ? 1 : 0;
  await queries.seen(tx, { ...columnsOf(sighting), id: before.id, changes });
  const revision = before.revision + changes;
  return { ...before, pool, ekCertificate, lastSeenAt: at, expiresAt, requestId, latest, revision };
}

const columnsOf = ({ id, ekCertificate, pool, network, at, expiresAt, requestId, proof }: CandidateSighting) => ({
  id,
  ek_certificate: ekCertificate ?? null,
  pool,
  network,
  last_seen_at: at.toISOString(),
  expires_at: expiresAt.toISOString(),
  request_id: requestId,
  latest_proof: canonicalJson(proof),
});

async function approve(
  tx: Executor,
  parts: StoreParts,
  queries: Queries,
  { id, revision, enrolment, by, at }: Approval,
): Promise<ApprovalOutcome> {
  const [row] = (await queries.find(tx, { id, at: at.toISOString() })).rows;
  if (row === undefined) return { ok: false, conflict: 'gone' };
  const candidate = candidateFromRow(row);
  const { nodeId, ekFingerprint } = candidate;
  if (candidate.revision !== revision || (nodeId === undefined) !== (enrolment !== undefined))
    return { ok: false, conflict: 'changed' };
  const approved = { by, at: at.toISOString() };
  if (enrolment !== undefined) {
    if (enrolment.ekFingerprint !== ekFingerprint) return { ok: false, conflict: 'changed' };
    const conflict = await conflictOf(tx, parts, enrolment);
    if (conflict !== undefined) return { ok: false, conflict };
    await insertNode(tx, parts.queries.nodes, enrolment, by, at);
    await queries.markApproved(tx, { id: enrolment.id, ...approved });
  }
  const approvedId = nodeId ?? enrolment?.id;
  if (approvedId === undefined) return { ok: false, conflict: 'changed' };
  if (nodeId !== undefined && (await queries.approveNode(tx, { id: nodeId, ...approved })).affected !== 1)
    return { ok: false, conflict: 'node-not-pending' };
  await queries.remove(tx, { id });
  const [node] = (await parts.queries.nodes.find(tx, { id: approvedId })).rows;
  if (node === undefined) throw new Error('an approved node is on record');
  return { ok: true, node: nodeFromRow(node) };
}

async function conflictOf(
  tx: Executor,
  { queries: { nodes } }: StoreParts,
  { name, ekFingerprint: ek }: Enrolment,
): Promise<'name-taken' | 'ek-taken' | undefined> {
  if ((await nodes.findByEk(tx, { ek })).rows.length > 0) return 'ek-taken';
  return (await nodes.findByName(tx, { name })).rows.length > 0 ? 'name-taken' : undefined;
}

function candidateFromRow(row: CandidatesTable): Candidate {
  const first: CandidateProof = JSON.parse(row.first_proof);
  const latest: CandidateProof = JSON.parse(row.latest_proof);
  const { refused_by: by, refused_at: at, refused_reason: reason } = row;
  return {
    id: row.id,
    ekFingerprint: row.ek_fingerprint,
    ekCertificate: row.ek_certificate ?? undefined,
    pool: row.pool,
    nodeId: row.node_id ?? undefined,
    state: row.state,
    firstSeenAt: new Date(row.first_seen_at),
    lastSeenAt: new Date(row.last_seen_at),
    expiresAt: new Date(row.expires_at),
    requestId: row.request_id,
    revision: row.revision,
    first,
    latest,
    refusal: by === null || at === null || reason === null ? undefined : { by, at: new Date(at), reason },
  };
}
