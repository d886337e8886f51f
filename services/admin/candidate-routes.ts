import { z } from 'zod';

import type { Policy } from '#attestation/evidence-policy.ts';
import { type Candidate, proofChanges } from '#core/candidate.ts';
import {
  candidateApprovalSchema,
  candidateApprovedSchema,
  candidateId,
  candidateListSchema,
  candidateRefusalSchema,
  candidateRefusedSchema,
  type CandidateSummary,
} from '#protocol/candidates.ts';
import type { Principal } from '#services/http/principal.ts';
import { renderNode } from '#services/http/render-node.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import { approveCandidate, type CandidateDeps, refuseCandidate } from './approve-candidate.ts';

export interface CandidateRoutesDeps extends CandidateDeps {
  readonly policy: () => Policy;
  readonly listCandidates: (at: Date, limit: number) => Promise<readonly Candidate[]>;
}

/** As many as the queue holds. */
const LISTED = 1_024;
const BODY_BYTES = 4_096;

/** What administrators see of the queue, and say to it. */
export function candidateRoutes(deps: CandidateRoutesDeps): readonly Route<Principal>[] {
  return [listCandidates(deps), postApproval(deps), postRefusal(deps)];
}

function listCandidates(deps: CandidateRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/candidates',
    operationId: 'listCandidates',
    summary: 'Machines that wait for approval, and what they have proven',
    permission: 'nodes:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'All of them, longest waiting first', schema: candidateListSchema } },
    problems: [],
    handle: async () => {
      const found = await deps.listCandidates(deps.now(), LISTED);
      const candidates = await Promise.all(found.map((candidate) => renderCandidate(deps, candidate)));
      return { status: 200, body: { candidates } };
    },
  });
}

const params = z.strictObject({ id: candidateId });

function postApproval(deps: CandidateRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/candidates/{id}/approve',
    operationId: 'approveCandidate',
    summary: 'Let a machine in that waits',
    permission: 'nodes:enrol',
    params,
    query: nothing,
    body: { schema: candidateApprovalSchema, limitBytes: BODY_BYTES },
    answers: { 200: { description: 'The node, which may join from now on', schema: candidateApprovedSchema } },
    problems: ['not-found', 'precondition-failed', 'state-conflict', 'step-up-required', 'rate-limited'],
    handle: async ({ params: { id }, body, caller, requestId, origin }) => {
      const approver = { name: caller.name, requestId, address: origin ?? 'unrecognised' };
      const outcome = await approveCandidate(deps, id, body, approver);
      if (!outcome.ok) {
        const { ok: _, ...problem } = outcome;
        return problem;
      }
      const { node } = outcome;
      const rating = deps.policy().pools.get(node.pool)?.protectionRating;
      return { status: 200, body: { node: renderNode(node, rating) } };
    },
  });
}

function postRefusal(deps: CandidateRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/candidates/{id}/refuse',
    operationId: 'refuseCandidate',
    summary: 'Refuse a machine that waits',
    permission: 'nodes:enrol',
    params,
    query: nothing,
    body: { schema: candidateRefusalSchema, limitBytes: BODY_BYTES },
    answers: { 200: { description: 'It is refused until then', schema: candidateRefusedSchema } },
    problems: ['not-found'],
    handle: async ({ params: { id }, body: { reason }, caller, requestId, origin }) => {
      const refuser = { name: caller.name, requestId, address: origin ?? 'unrecognised' };
      const expiresAt = await refuseCandidate(deps, id, reason, refuser);
      if (expiresAt === undefined) return { problem: 'not-found' };
      return { status: 200, body: { refused: true, expiresAt: expiresAt.toISOString() } };
    },
  });
}

async function renderCandidate(deps: CandidateRoutesDeps, candidate: Candidate): Promise<CandidateSummary> {
  const { nodeId, refusal, first, latest } = candidate;
  const node = nodeId === undefined ? undefined : await deps.findNode(nodeId);
  return {
    id: candidate.id,
    state: candidate.state,
    pool: candidate.pool,
    ...(node === undefined ? {} : { nodeName: node.name }),
    ekFingerprint: candidate.ekFingerprint,
    firstSeenAt: candidate.firstSeenAt.toISOString(),
    lastSeenAt: candidate.lastSeenAt.toISOString(),
    expiresAt: candidate.expiresAt.toISOString(),
    requestId: candidate.requestId,
    revision: candidate.revision,
    proof: {
      ...latest,
      pcrs: { ...latest.pcrs },
      boot: latest.boot && { ...latest.boot, commandLines: [...latest.boot.commandLines] },
    },
    changes: [...proofChanges(first, latest)],
    ...(refusal === undefined ? {} : { refusal: { ...refusal, at: refusal.at.toISOString() } }),
  };
}
