import type { NodeSummary } from '#protocol/inventory.ts';
import { nodeExportQuerySchema } from '#protocol/inventory-query.ts';
import type { StreamSink } from '#services/http/answer-stream.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';
import type { InventoryCursor, InventoryFilter } from '#services/store/contact-store.ts';

import { csvLine } from './csv.ts';
import { inventoryFilter, type InventoryRoutesDeps, ratingOf } from './inventory-deps.ts';
import { renderEntry } from './render.ts';

const PAGE = 1_000;

/** Columns of the CSV, in order: members of a node's summary. */
const COLUMNS = [
  'name',
  'id',
  'pool',
  'protectionRating',
  'state',
  'connectivity',
  'connectivitySince',
  'lastHeartbeatAt',
  'agentVersion',
  'lastJoinAt',
  'lastAddress',
  'ekFingerprint',
  'hasEkCertificate',
  'enrolledAt',
  'enrolledBy',
] as const satisfies readonly (keyof NodeSummary)[];

/** The inventory as one file, of any length, in little memory. */
export function exportRoutes(deps: InventoryRoutesDeps): readonly Route<Principal>[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/v1/exports/nodes',
      operationId: 'exportNodes',
      summary: 'All nodes that a filter names, as CSV (RFC 4180) or as a JSON array, in order of name',
      permission: 'nodes:read',
      params: nothing,
      query: nodeExportQuerySchema,
      body: noBody,
      answers: { 200: { description: 'The file; cut off where the service failed on the way', schema: undefined } },
      problems: [],
      handle: ({ query }) => {
        const filter = inventoryFilter(query, deps.policy());
        const csv = query.format === 'csv';
        const write = (sink: StreamSink): Promise<void> =>
          csv ? writeCsv(deps, filter, sink) : writeJson(deps, filter, sink);
        const contentType = csv ? 'text/csv; charset=utf-8; header=present' : 'application/json';
        return Promise.resolve({ status: 200, stream: { contentType, fileName: `nodes.${query.format}`, write } });
      },
    }),
  ];
}

/** Pages of nodes until there are no more, or nobody reads any more. */
async function* pages(
  { store, policy, contacts }: InventoryRoutesDeps,
  filter: InventoryFilter,
  sink: StreamSink,
): AsyncGenerator<readonly NodeSummary[]> {
  let after: InventoryCursor | undefined;
  for (;;) {
    const found = await store.listInventory(filter, { after, limit: PAGE });
    const last = found.at(-1);
    if (last === undefined) return;
    yield found.map((entry) => renderEntry(entry, ratingOf(entry.node, policy()), contacts));
    after = { name: last.node.name, id: last.node.id };
    if (found.length < PAGE || sink.closed.aborted || !(await sink.isPermitted())) return;
  }
}

async function writeCsv(deps: InventoryRoutesDeps, filter: InventoryFilter, sink: StreamSink): Promise<void> {
  let isRead = await sink.write(csvLine(COLUMNS));
  for await (const nodes of pages(deps, filter, sink)) {
    if (!isRead) return;
    isRead = await sink.write(
      nodes.map((node) => csvLine(COLUMNS.map((column) => String(node[column] ?? '')))).join(''),
    );
  }
}

async function writeJson(deps: InventoryRoutesDeps, filter: InventoryFilter, sink: StreamSink): Promise<void> {
  let isRead = await sink.write('[');
  let separator = '\n';
  for await (const nodes of pages(deps, filter, sink)) {
    if (!isRead) return;
    isRead = await sink.write(separator + nodes.map((node) => JSON.stringify(node)).join(',\n'));
    separator = ',\n';
  }
  await sink.write('\n]\n');
}
