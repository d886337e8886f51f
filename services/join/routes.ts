import { challengeRequestSchema, challengeResponseSchema } from '#protocol/challenge.ts';
import { type JoinPending, joinPendingSchema, joinRequestSchema, joinResponseSchema } from '#protocol/join.ts';
import { type Anonymous, nodeRoute, nothing, type Route } from '#services/http/route.ts';
import type { WorkLimit } from '#services/http/work-limit.ts';

import { admitNode, type AdmitNodeDeps } from './admit-node.ts';
import { type ClusterFacts, renderJoin } from './admitted.ts';
import { type JoinLimits, limitRoutes } from './join-limits.ts';
import { openChallenge, type OpenChallengeDeps } from './open-challenge.ts';

/** Two public areas and five certificates fit in, and nothing much larger. */
const CHALLENGE_BODY_BYTES = 65_536;
/** Seconds after which the outcome of a join that is still running can be asked for again. */
const RUNNING_RETRY_SECONDS = 1;

export interface JoinRoutesDeps extends OpenChallengeDeps, AdmitNodeDeps {
  readonly limits: JoinLimits;
  /** Does a piece of work once there is a place for it. Rejects with the problem `overloaded`. */
  readonly work: Pick<WorkLimit, 'run'>;
  readonly cluster: ClusterFacts;
  /** Largest body of a join, where the configuration says one; otherwise what the policy's logs need. */
  readonly joinBodyBytes: number | undefined;
}

/** The protocol's two calls, within the limits. A request takes a place once it is read whole: a slow sender holds none. */
export function joinRoutes(deps: JoinRoutesDeps): readonly Route<Anonymous>[] {
  return limitRoutes([postChallenge(deps), postJoin(deps)], deps.limits);
}

function postChallenge(deps: JoinRoutesDeps): Route<Anonymous> {
  return nodeRoute({
    method: 'POST',
    path: '/v1/challenges',
    operationId: 'openChallenge',
    summary: 'Ask for a challenge to the EK and the AK of a TPM',
    params: nothing,
    query: nothing,
    body: { schema: challengeRequestSchema, limitBytes: CHALLENGE_BODY_BYTES },
    answers: { 201: { description: 'The challenge, and the ticket to bring back', schema: challengeResponseSchema } },
    problems: ['origin-refused', 'evidence-rejected', 'overloaded'],
    handle: async ({ body, requestId, origin }) => {
      const outcome = await deps.work.run(() => openChallenge(deps, body, { requestId, origin }));
      if (outcome.ok) return { status: 201, body: outcome.response };
      const { ok: _, ...problem } = outcome;
      return problem;
    },
  });
}

function postJoin(deps: JoinRoutesDeps): Route<Anonymous> {
  return nodeRoute({
    method: 'POST',
    path: '/v1/joins',
    operationId: 'join',
    summary: 'Answer a challenge and get a certificate',
    params: nothing,
    query: nothing,
    body: {
      schema: joinRequestSchema,
      limitBytes: (origin) => deps.joinBodyBytes ?? deps.policy().bodyBytesFrom(origin),
    },
    answers: {
      201: { description: 'The certificate; the same again for the same request', schema: joinResponseSchema },
      202: { description: 'All is proven; an administrator must approve the node first', schema: joinPendingSchema },
    },
    problems: [
      'origin-refused',
      'challenge-invalid',
      'state-conflict',
      'evidence-rejected',
      'node-barred',
      'csr-rejected',
      'overloaded',
    ],
    handle: async ({ body, requestId, origin }) => {
      const outcome = await deps.work.run(() => admitNode(deps, body, { requestId, origin }));
      if (outcome.ok) {
        const { admitted } = outcome;
        return { status: 201, body: renderJoin(admitted, deps.cluster), node: admitted.node.name };
      }
      if (outcome.problem === 'awaiting-approval') {
        const { problem: status, retryAfterSeconds } = outcome;
        return { status: 202, body: { status, retryAfterSeconds } satisfies JoinPending };
      }
      const { problem, detail, retryAfterSeconds } = outcome;
      const waitSeconds = problem === 'state-conflict' ? RUNNING_RETRY_SECONDS : retryAfterSeconds;
      return { problem, detail, retryAfterSeconds: waitSeconds };
    },
  });
}
