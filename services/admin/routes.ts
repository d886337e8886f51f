import type { Policy } from '#attestation/evidence-policy.ts';
import { enrolmentRequestSchema, enrolmentResponseSchema } from '#protocol/enrolment.ts';
import { imaDemandsSchema } from '#protocol/ima-demands.ts';
import { type PolicySummary, policySummarySchema, whoamiSchema } from '#protocol/inventory.ts';
import type { Principal } from '#services/http/principal.ts';
import { renderNode } from '#services/http/render-node.ts';
import { PERMISSIONS } from '#services/http/roles.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';
import { newNodeRecord } from '#services/store/new-node-record.ts';

import { enrolNodes, type EnrolNodesDeps } from './enrol-nodes.ts';

/** The policy in force, and why newer files are not. */
export interface PolicyInForce {
  readonly policy: Policy;
  readonly loadedAt: Date;
  readonly lastError: { readonly at: Date; readonly problems: readonly string[] } | undefined;
}

export interface AdminRoutesDeps extends EnrolNodesDeps {
  readonly policyStatus: () => PolicyInForce;
}

/** Enough for the largest enrolment with an EK certificate of 2 KiB each. */
const ENROLMENT_BODY_BYTES = 16_777_216;

/** What administrators do. */
export function adminRoutes(deps: AdminRoutesDeps): readonly Route<Principal>[] {
  return [postEnrolments(deps), whoami(), showPolicy(deps), showImaDemands(deps)];
}

function postEnrolments(deps: AdminRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/enrolments',
    operationId: 'enrolNodes',
    summary: 'Enrol nodes, all of them or none',
    permission: 'nodes:enrol',
    params: nothing,
    query: nothing,
    body: { schema: enrolmentRequestSchema, limitBytes: ENROLMENT_BODY_BYTES },
    answers: {
      200: { description: 'A dry run: what an enrolment would do', schema: enrolmentResponseSchema },
      201: { description: 'The nodes are enrolled', schema: enrolmentResponseSchema },
    },
    problems: ['state-conflict', 'step-up-required', 'rate-limited'],
    handle: async ({ body, caller, requestId, origin }) => {
      const enroller = { name: caller.name, requestId, address: origin ?? 'unrecognised' };
      const outcome = await enrolNodes(deps, body, enroller);
      if (!outcome.ok) return { problem: outcome.problem, errors: outcome.errors };
      const { pools } = deps.policyStatus().policy;
      const nodes = outcome.nodes.map((enrolment) =>
        renderNode(newNodeRecord(enrolment, caller.name, outcome.at), pools.get(enrolment.pool)?.protectionRating),
      );
      return { status: body.dryRun ? 200 : 201, body: { dryRun: body.dryRun, nodes } };
    },
  });
}

function whoami(): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/whoami',
    operationId: 'whoami',
    summary: 'The caller as the service understood its certificate',
    permission: 'self:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'Name, role, and what the role may do', schema: whoamiSchema } },
    problems: [],
    handle: ({ caller: { name, role, fingerprint, notAfter } }) =>
      Promise.resolve({
        status: 200,
        body: { subject: name, role, permissions: PERMISSIONS[role], fingerprint, notAfter: notAfter.toISOString() },
      }),
  });
}

function showPolicy({ policyStatus }: AdminRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/policy',
    operationId: 'showPolicy',
    summary: 'The policy in force',
    permission: 'policy:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'Its version and pools', schema: policySummarySchema } },
    problems: [],
    handle: () => Promise.resolve({ status: 200, body: renderPolicy(policyStatus()) }),
  });
}

function showImaDemands({ policyStatus }: AdminRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/policy/ima',
    operationId: 'showImaDemands',
    summary: 'What the policy in force demands of IMA lists',
    permission: 'policy:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The demands of each pool that has any', schema: imaDemandsSchema } },
    problems: [],
    handle: () => {
      const { version: policyVersion, pools } = policyStatus().policy;
      const demands = [...pools.values()].flatMap(({ pool, tpm2: { ima } }) => (ima ? [[pool, ima.policy]] : []));
      return Promise.resolve({ status: 200, body: { policyVersion, pools: Object.fromEntries(demands) } });
    },
  });
}

function renderPolicy({ policy, loadedAt, lastError }: PolicyInForce): PolicySummary {
  const pools = [...policy.pools.values()].toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  return {
    version: policy.version,
    loadedAt: loadedAt.toISOString(),
    ...(lastError === undefined
      ? {}
      : { lastError: { at: lastError.at.toISOString(), problems: [...lastError.problems] } }),
    pools: pools.map(({ pool, protectionRating, segments, ttlSeconds, tpm2 }) => ({
      name: pool,
      protectionRating,
      certificateTtlSeconds: ttlSeconds,
      segments: segments.map(({ cidr, class: of }) => (of === 'internal' ? cidr : `${cidr} ${of}`)),
      bank: tpm2.bank,
      pcrs: [...tpm2.pcrs],
      referenceValues: tpm2.referenceValues.map(({ name }) => name),
    })),
  };
}
