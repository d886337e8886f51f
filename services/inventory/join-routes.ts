import { z } from 'zod';

import type { Policy } from '#attestation/evidence-policy.ts';
import { explainJoin } from '#attestation/explain-join.ts';
import { replayJoin } from '#attestation/replay-join.ts';
import type { Clock } from '#core/clock.ts';
import { requestId } from '#protocol/fields.ts';
import {
  type JoinExplanation,
  joinExplanationSchema,
  joinListQuerySchema,
  joinListSchema,
  type RecordedJoin,
} from '#protocol/joins.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';
import type { StoreReader } from '#services/store/store.ts';

import { lastJoins, recordedJoin } from './recorded-joins.ts';

export interface JoinHistoryDeps {
  readonly now: Clock;
  readonly store: Pick<StoreReader, 'readAuditOfType' | 'readAuditOfRequest' | 'findNodeByName'>;
  /** The policy in force. */
  readonly policy: () => Policy;
}

/** The joins of the past, and what the policies of then and of now say of them. */
export const joinHistoryRoutes = (deps: JoinHistoryDeps): readonly Route<Principal>[] => [
  listJoins(deps),
  explain(deps),
];

function listJoins({ store }: JoinHistoryDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/joins',
    operationId: 'listJoins',
    summary: 'The last joins that were issued or refused, newest first, with what their evidence showed',
    permission: 'joins:read',
    params: nothing,
    query: joinListQuerySchema,
    body: noBody,
    answers: { 200: { description: 'At most `limit` of them', schema: joinListSchema } },
    problems: [],
    handle: async ({ query: { limit } }) => ({ status: 200, body: { joins: await lastJoins(store, limit) } }),
  });
}

function explain({ now, store, policy }: JoinHistoryDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/joins/{requestId}/explanation',
    operationId: 'explainJoin',
    summary: 'One join, fact by fact: what was wanted and what was found, then and under the policy in force',
    permission: 'joins:read',
    params: z.strictObject({ requestId }),
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The facts', schema: joinExplanationSchema } },
    problems: ['not-found'],
    handle: async ({ params }) => {
      for (const record of await store.readAuditOfRequest(params.requestId)) {
        const join = await recordedJoin(store, record);
        if (join !== undefined) return { status: 200, body: describe(join, policy(), now()) };
      }
      return { problem: 'not-found' };
    },
  });
}

function describe(join: RecordedJoin, policy: Policy, now: Date): JoinExplanation {
  const { verdict, denials, referenceValues, checks } = replayJoin(join, policy, now);
  const { policyVersion } = join;
  return {
    join,
    atTheTime: {
      ...(policyVersion === undefined ? {} : { policyVersion }),
      // The very policy that judged it then has the same demands today.
      facts: [
        ...explainJoin(join, join.denials, join.referenceValues, policyVersion === policy.version ? checks : undefined),
      ],
    },
    today: { policyVersion: policy.version, verdict, facts: [...explainJoin(join, denials, referenceValues, checks)] },
  };
}
