import { snapshotAnswerSchema, snapshotQuerySchema } from '#protocol/snapshot.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import type { SnapshotFeed } from './snapshot-feed.ts';

export interface KubernetesRoutesDeps {
  /** Undefined: the service has no snapshot key, and so nothing to tell an authorizer. */
  readonly snapshotFeed: SnapshotFeed | undefined;
}

/** What the authorizers on control-plane hosts follow. */
export function kubernetesRoutes({ snapshotFeed }: KubernetesRoutesDeps): readonly Route<Principal>[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/v1/snapshot',
      operationId: 'snapshot',
      summary: 'Which nodes and certificates are good, signed; with `after`, what changed since',
      permission: 'snapshot:read',
      params: nothing,
      query: snapshotQuerySchema,
      body: noBody,
      answers: { 200: { description: 'A signed statement', schema: snapshotAnswerSchema } },
      problems: ['not-found'],
      handle: async ({ query: { after, wait = 0 } }) => {
        if (snapshotFeed === undefined) return { problem: 'not-found', detail: 'no snapshot key is configured' };
        const statement = after === undefined ? snapshotFeed.whole() : snapshotFeed.after(after, wait * 1_000);
        return { status: 200, body: { statement: Buffer.from(await statement).toString('latin1') } };
      },
    }),
  ];
}
