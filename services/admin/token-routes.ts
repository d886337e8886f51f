import {
  createTokenSchema,
  tokenCreatedSchema,
  tokenListQuerySchema,
  tokenListSchema,
  tokenParamsSchema,
  tokenSummarySchema,
} from '#protocol/join-token.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import { createJoinToken, type JoinTokenDeps, renderToken, revokeJoinToken } from './join-tokens.ts';

const BODY_BYTES = 4_096;

/** Join tokens: whoever may enrol a node may let it enrol itself. */
export function tokenRoutes(deps: JoinTokenDeps): readonly Route<Principal>[] {
  return [postToken(deps), listTokens(deps), revokeToken(deps)];
}

function postToken(deps: JoinTokenDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/tokens',
    operationId: 'createToken',
    summary: 'Make a join token: single-use, for one name and pool, told this once',
    permission: 'nodes:enrol',
    params: nothing,
    query: nothing,
    body: { schema: createTokenSchema, limitBytes: BODY_BYTES },
    answers: { 201: { description: 'The token', schema: tokenCreatedSchema } },
    problems: ['state-conflict', 'step-up-required', 'rate-limited'],
    handle: async ({ body, caller, requestId, origin }) => {
      const outcome = await createJoinToken(deps, body, {
        name: caller.name,
        requestId,
        address: origin ?? 'unrecognised',
      });
      if (!outcome.ok) return { problem: outcome.problem, errors: outcome.errors };
      return { status: 201, body: outcome.created };
    },
  });
}

function listTokens({ tokens, now }: JoinTokenDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/tokens',
    operationId: 'listTokens',
    summary: 'Join tokens, newest first, without their secrets',
    permission: 'nodes:enrol',
    params: nothing,
    query: tokenListQuerySchema,
    body: noBody,
    answers: { 200: { description: 'The tokens', schema: tokenListSchema } },
    problems: [],
    handle: async ({ query: { limit } }) => {
      const at = now();
      const records = await tokens.listJoinTokens(limit);
      return { status: 200, body: { tokens: records.map((record) => renderToken(record, at)) } };
    },
  });
}

function revokeToken(deps: JoinTokenDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/tokens/{id}/revoke',
    operationId: 'revokeToken',
    summary: 'Take a join token back that nobody has redeemed',
    permission: 'nodes:enrol',
    params: tokenParamsSchema,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The token as it is now', schema: tokenSummarySchema } },
    problems: ['not-found', 'state-conflict'],
    handle: async ({ params: { id }, caller, requestId, origin }) => {
      const outcome = await revokeJoinToken(deps, id, {
        name: caller.name,
        requestId,
        address: origin ?? 'unrecognised',
      });
      return outcome.ok ? { status: 200, body: outcome.token } : { problem: outcome.problem };
    },
  });
}
