import { z } from 'zod';

import { nodeName } from '#protocol/fields.ts';
import { nodeDetailSchema, nodeListSchema } from '#protocol/inventory.ts';
import { nodeHistoryQuerySchema, nodeHistorySchema, nodeListQuerySchema } from '#protocol/inventory-query.ts';
import { renewalRequested } from '#services/audit/contact-events.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import { inventoryFilter, type InventoryRoutesDeps, ratingOf } from './inventory-deps.ts';
import { newestJoinVerdict } from './join-verdict.ts';
import { newestContact, renderAuditRecord, renderCertificate, renderEntry, renderNodeDetail } from './render.ts';

/** Certificates that a node's page lists, newest first. */
const CERTIFICATES_LISTED = 100;
/** Audit records that a node's page lists, newest first. */
const RECORDS_LISTED = 20;

const nodeParams = z.strictObject({ name: nodeName });

/** Nodes, in pages and one by one. */
export function nodeRoutes(deps: InventoryRoutesDeps): readonly Route<Principal>[] {
  return [listNodes(deps), showNode(deps), readHistory(deps), requestRenewal(deps)];
}

function listNodes({ store, policy, contacts }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/nodes',
    operationId: 'listNodes',
    summary: 'Nodes in order of name; `next` is the `after` of the next page',
    permission: 'nodes:read',
    params: nothing,
    query: nodeListQuerySchema,
    body: noBody,
    answers: { 200: { description: 'One page', schema: nodeListSchema } },
    revalidated: true,
    problems: [],
    handle: async ({ query }) => {
      const { after, limit } = query;
      const inForce = policy();
      // One more than asked for tells whether there is a next page.
      const found = await store.listInventory(inventoryFilter(query, inForce), { after, limit: limit + 1 });
      const nodes = found.slice(0, limit).map((entry) => renderEntry(entry, ratingOf(entry.node, inForce), contacts));
      const last = nodes.at(-1);
      if (found.length <= limit || last === undefined) return { status: 200, body: { nodes } };
      return { status: 200, body: { nodes, next: last.state === 'retired' ? `${last.name},${last.id}` : last.name } };
    },
  });
}

function showNode({ store, policy, contacts, clusterView }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/nodes/{name}',
    operationId: 'showNode',
    summary: 'One node: what it is, what was heard of it, its certificates, and what the audit log says of it',
    permission: 'nodes:read',
    params: nodeParams,
    query: nothing,
    body: noBody,
    answers: { 200: { description: 'The node', schema: nodeDetailSchema } },
    revalidated: true,
    problems: ['not-found'],
    handle: async ({ params: { name } }) => {
      const node = await store.findNodeByName(name);
      if (node === undefined) return { problem: 'not-found' };
      const [stored, addresses, lastJoin, certificates, records] = await Promise.all([
        store.findContact(node.id),
        store.listAddresses(node.id),
        newestJoinVerdict(store, node),
        store.listCertificates(node.id, CERTIFICATES_LISTED),
        store.readAuditOfNode(name, RECORDS_LISTED),
      ]);
      const contact = newestContact({ node, contact: stored }, contacts);
      const facts = { contact, addresses, lastJoin, cluster: clusterView(name) };
      const body = {
        node: renderNodeDetail(node, ratingOf(node, policy()), facts),
        certificates: certificates.map(renderCertificate),
        records: records.map(renderAuditRecord),
      };
      return { status: 200, body };
    },
  });
}

function readHistory({ store }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'GET',
    path: '/v1/nodes/{name}/history',
    operationId: 'readNodeHistory',
    summary: 'Every audit record about a node of this name, retired ones included, newest first',
    permission: 'nodes:read',
    params: nodeParams,
    query: nodeHistoryQuerySchema,
    body: noBody,
    answers: { 200: { description: 'One page; `next` is the `before` of the next', schema: nodeHistorySchema } },
    revalidated: true,
    problems: ['not-found'],
    handle: async ({ params: { name }, query: { before, limit } }) => {
      const found = await store.readAuditOfNode(name, limit + 1, before);
      if (found.length === 0 && before === undefined) return { problem: 'not-found' };
      const records = found.slice(0, limit);
      const last = records.at(-1);
      const next = found.length > limit && last !== undefined ? { next: last.sequence } : {};
      return { status: 200, body: { records: records.map(renderAuditRecord), ...next } };
    },
  });
}

const RENEWAL_BODY_BYTES = 256;

function requestRenewal({ now, store, policy, contacts }: InventoryRoutesDeps): Route<Principal> {
  return adminRoute({
    method: 'POST',
    path: '/v1/nodes/{name}/renewal',
    operationId: 'requestRenewal',
    summary: 'Asks that the node join again at its next heartbeat',
    permission: 'nodes:renew',
    params: nodeParams,
    query: nothing,
    body: { schema: nothing, limitBytes: RENEWAL_BODY_BYTES },
    answers: { 200: { description: 'The node, which is told with its next heartbeat', schema: nodeListSchema } },
    problems: ['not-found', 'state-conflict'],
    handle: async ({ params: { name }, caller, requestId, origin }) => {
      const node = await store.findNodeByName(name);
      if (node === undefined) return { problem: 'not-found' };
      if (node.state !== 'joined')
        return { problem: 'state-conflict', detail: `the node is ${node.state}: it has nothing to renew` };
      const at = now();
      const occasion = { at, requestId, address: origin ?? 'unrecognised' };
      const event = renewalRequested(occasion, caller.name, { nodeId: node.id, nodeName: name });
      if (!(await store.requestRenewal(node.id, at, event))) return { problem: 'not-found' };
      contacts.renewalRequested(node.id, name, at);
      const entry = { node, contact: await store.findContact(node.id) };
      return { status: 200, body: { nodes: [renderEntry(entry, ratingOf(node, policy()), contacts)] } };
    },
  });
}
