import { eventsQuerySchema, lastEventId } from '#protocol/inventory-query.ts';
import type { Principal } from '#services/http/principal.ts';
import { adminRoute, noBody, nothing, type Route } from '#services/http/route.ts';

import { type EventFeedDeps, followEvents, FOLLOWERS_MAX } from './event-feed.ts';

/** What happens to nodes, as it happens. */
export function eventRoutes(deps: EventFeedDeps): readonly Route<Principal>[] {
  let followers = 0;
  return [
    adminRoute({
      method: 'GET',
      path: '/v1/events',
      operationId: 'followEvents',
      summary: 'Audit records about nodes as server-sent events, from now on or from `Last-Event-ID` or `after` on',
      permission: 'nodes:read',
      params: nothing,
      query: eventsQuerySchema,
      body: noBody,
      answers: {
        200: { description: 'Events without end', schema: undefined, contentType: 'text/event-stream' },
      },
      problems: ['overloaded'],
      handle: async ({ query, header }) => {
        const last = header('last-event-id');
        const parsed = last === undefined ? undefined : lastEventId.safeParse(last);
        if (parsed?.success === false) {
          return { problem: 'malformed-request', detail: 'Last-Event-ID is not the id of an event' };
        }
        if (followers >= FOLLOWERS_MAX) return { problem: 'overloaded', retryAfterSeconds: 10 };
        const head = (await deps.store.auditHead()).sequence;
        // An id that is not of this log yet: nothing was missed.
        const after = Math.min(parsed?.data ?? query.after ?? head, head);
        return {
          status: 200,
          stream: {
            contentType: 'text/event-stream',
            write: async (sink) => {
              followers += 1;
              try {
                await followEvents(deps, { after, node: query.node }, sink);
              } finally {
                followers -= 1;
              }
            },
          },
        };
      },
    }),
  ];
}
