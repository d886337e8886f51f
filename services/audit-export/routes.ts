import { type ExportStatus, exportStatusPageSchema } from '#protocol/audit-export.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import type { ExportStanding } from './export-standing.ts';

export interface ExportRoutesDeps {
  readonly standings: () => Promise<readonly ExportStanding[]>;
}

/** How far the audit log was delivered. */
export function exportRoutes({ standings }: ExportRoutesDeps): readonly Route<Principal>[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/v1/audit/exports',
      operationId: 'showAuditExports',
      summary: 'How far the audit log was delivered to each destination',
      permission: 'audit:read',
      params: nothing,
      query: nothing,
      body: noBody,
      answers: { 200: { description: 'The destinations', schema: exportStatusPageSchema } },
      problems: [],
      handle: async () => ({ status: 200, body: { destinations: (await standings()).map(renderStanding) } }),
    }),
  ];
}

function renderStanding(standing: ExportStanding): ExportStatus {
  const { destination, sequence, movedAt, lagRecords, lagSeconds, state, chainBreak } = standing;
  const { name, kind, place } = destination;
  return {
    name,
    kind,
    place,
    delivered: sequence,
    ...(movedAt === undefined ? {} : { deliveredAt: movedAt.toISOString() }),
    lagRecords,
    lagSeconds,
    state: state.kind,
    ...(state.kind === 'failing'
      ? { failure: { kind: state.failure.kind, detail: state.failure.detail, since: state.since.toISOString() } }
      : {}),
    ...(chainBreak === undefined ? {} : { chainBreak }),
  };
}
