import type { Clock } from '#core/clock.ts';
import { referenceListSchema, retireRequestSchema, retireResponseSchema } from '#protocol/reference.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';
import type { StoreReader } from '#services/store/store.ts';

import { listReferenceValues } from './list-reference-values.ts';
import { type RetireDeps, retireReferenceValues } from './retire-reference-values.ts';

export interface ReferenceRoutesDeps extends RetireDeps {
  readonly now: Clock;
  readonly store: Pick<StoreReader, 'readAuditOfType'>;
}

const RETIRE_BODY_BYTES = 4_096;

/** What is known as good, and the way to take it back. */
export const referenceRoutes = (deps: ReferenceRoutesDeps): readonly Route<Principal>[] => [list(deps), retire(deps)];

function list({ now, store, policy }: ReferenceRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/reference-values',
    operationId: 'listReferenceValues',
    summary: 'The reference values in the policy: where each stands, and how many joins it admitted lately',
    permission: 'policy:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'All of them, in order of name', schema: referenceListSchema } },
    problems: [],
    handle: async () => ({ status: 200, body: await listReferenceValues(store, policy(), now()) }),
  });
}

function retire(deps: ReferenceRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/reference-values/retire',
    operationId: 'retireReferenceValues',
    summary: 'Take reference values back: from the answer on they admit nobody, for good',
    permission: 'reference-values:retire',
    params: nothing,
    query: nothing,
    body: { schema: retireRequestSchema, limitBytes: RETIRE_BODY_BYTES },
    answers: { 200: { description: 'They are retired', schema: retireResponseSchema } },
    problems: ['not-found', 'state-conflict', 'step-up-required', 'rate-limited'],
    handle: async ({ body: { name }, caller, requestId, origin }) => {
      const occasion = { at: deps.now(), requestId, address: origin ?? 'unrecognised' };
      const outcome = await retireReferenceValues(deps, name, occasion, caller.name);
      if (!outcome.ok) return { problem: outcome.problem };
      const { poolsWithoutAny } = outcome;
      return { status: 200, body: { name, retiredAt: occasion.at.toISOString(), poolsWithoutAny } };
    },
  });
}
