import { z } from 'zod';

import { auditHeadSchema, auditPageSchema, auditQuerySchema } from '#protocol/audit.ts';
import { captureRequestSchema } from '#protocol/capture.ts';
import { nodeName, requestId } from '#protocol/fields.ts';
import { certificateListSchema, joinDetailSchema } from '#protocol/inventory.ts';
import { referenceValuesSchema } from '#protocol/policy.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import { captureReferenceValues } from './capture-reference-values.ts';
import { describeJoin } from './describe-join.ts';
import { exportRoutes } from './export-routes.ts';
import type { InventoryRoutesDeps } from './inventory-deps.ts';
import { nodeRoutes } from './node-routes.ts';
import { renderAuditRecord, renderCertificate } from './render.ts';

/** Certificates that a node's page lists, newest first. */
const CERTIFICATES_LISTED = 100;

const CAPTURE_BODY_BYTES = 4_096;

/** What can be read of nodes, joins and the audit log; and a reference-value file made of what was read. */
export function inventoryRoutes(deps: InventoryRoutesDeps): readonly Route<Principal>[] {
  return [
    ...nodeRoutes(deps),
    ...exportRoutes(deps),
    listCertificates(deps),
    showJoin(deps),
    readAudit(deps),
    readAuditHead(deps),
    capture(deps),
  ];
}

const nodeParams = z.strictObject({ name: nodeName });

function listCertificates({ store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/nodes/{name}/certificates',
    operationId: 'listCertificates',
    summary: 'A node’s certificates, newest first',
    permission: 'nodes:read',
    params: nodeParams,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'At most 100 of them', schema: certificateListSchema } },
    problems: ['not-found'],
    handle: async ({ params: { name } }) => {
      const node = await store.findNodeByName(name);
      if (node === undefined) return { problem: 'not-found' };
      const certificates = await store.listCertificates(node.id, CERTIFICATES_LISTED);
      return { status: 200, body: { certificates: certificates.map(renderCertificate) } };
    },
  });
}

function showJoin({ store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/joins/{requestId}',
    operationId: 'showJoin',
    summary: 'One join by its request id: what was issued, or every check that failed',
    permission: 'joins:read',
    params: z.strictObject({ requestId }),
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The join', schema: joinDetailSchema } },
    problems: ['not-found'],
    handle: async ({ params }) => {
      const records = await store.readAuditOfRequest(params.requestId);
      const join = await describeJoin(params.requestId, records, (serial) => store.findCertificate(serial));
      return join === undefined ? { problem: 'not-found' } : { status: 200, body: join };
    },
  });
}

function readAudit({ store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/audit',
    operationId: 'readAudit',
    summary: 'The audit log, oldest first',
    permission: 'audit:read',
    params: nothing,
    query: auditQuerySchema,
    body: noBody,
    answers: { 200: { description: 'One page', schema: auditPageSchema } },
    problems: [],
    handle: async ({ query: { after, limit } }) => {
      const records = await store.readAudit(after, limit);
      return { status: 200, body: { records: records.map(renderAuditRecord) } };
    },
  });
}

function readAuditHead({ store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/audit/head',
    operationId: 'readAuditHead',
    summary: 'The newest audit record as the log itself remembers it',
    permission: 'audit:read',
    params: nothing,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'Its number and hash', schema: auditHeadSchema } },
    problems: [],
    handle: async () => {
      const { sequence, hash } = await store.auditHead();
      return { status: 200, body: { sequence, hash } };
    },
  });
}

function capture({ now, store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/reference-values/capture',
    operationId: 'captureReferenceValues',
    summary: 'The verified PCR values of a join as a reference-value file',
    permission: 'reference-values:capture',
    params: nothing,
    query: nothing,
    body: { schema: captureRequestSchema, limitBytes: CAPTURE_BODY_BYTES },
    answers: { 200: { description: 'The file, for review', schema: referenceValuesSchema } },
    problems: ['not-found'],
    handle: async (request) => {
      const occasion = { at: now(), requestId: request.requestId, address: request.origin ?? 'unrecognised' };
      const document = await captureReferenceValues(store, request.body, occasion, request.caller.name);
      if (document !== undefined) return { status: 200, body: document };
      return { problem: 'not-found', detail: 'no join of an enrolled node whose quote verified' };
    },
  });
}
