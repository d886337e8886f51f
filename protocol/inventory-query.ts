import { z } from 'zod';

import { isNodeId, isNodeName, type NodeId, type NodeName } from '#core/ids.ts';

import { auditRecordSchema } from './audit.ts';
import { nodeName, poolName, wholeNumber } from './fields.ts';

/** A node's connectivity, by its heartbeats and its lease. */
export const connectivitySchema = z.enum(['never-seen', 'connected', 'late', 'lost']);
/** Where a node is in its life. */
export const nodeStateSchema = z.enum(['enrolled', 'pending', 'joined', 'quarantined', 'barred', 'retired']);
export const ratingSchema = z.enum(['default', 'protected', 'highly-protected']);

/** Which nodes: every member given must fit. */
export const nodeFilterSchema = z.strictObject({
  pool: poolName.optional(),
  /** `retired` lists those, and no filter else does. */
  state: nodeStateSchema.optional(),
  connectivity: connectivitySchema.optional(),
  /** The pool's, by the policy in force. */
  rating: ratingSchema.optional(),
  /** The name begins with it. */
  prefix: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,51}$/, 'not the beginning of a node name')
    .optional(),
  /** A part of the name, the beginning of the EK's fingerprint, the id, or an address. */
  text: z
    .string()
    .regex(/^[A-Za-z0-9.:-]{1,64}$/, 'not 1 to 64 of letters, digits and .:-')
    .optional(),
});
export type NodeFilterQuery = z.output<typeof nodeFilterSchema>;

/** Where a page ended: the last node's name, and after a comma its id where names are not unique. */
const cursor = z
  .string()
  .max(100)
  .transform((text, context): { name: NodeName; id?: NodeId } => {
    const [name = '', id, ...rest] = text.split(',');
    if (isNodeName(name) && rest.length === 0) {
      if (id === undefined) return { name };
      if (isNodeId(id)) return { name, id };
    }
    context.addIssue({ code: 'custom', message: 'not the `next` of a page' });
    return z.NEVER;
  });

/** `GET /v1/nodes`, as the service reads the query. */
export const nodeListQuerySchema = nodeFilterSchema.extend({
  after: cursor.optional(),
  limit: wholeNumber(1, 1_000).default(200),
});
export type NodeListQuery = z.output<typeof nodeListQuerySchema>;

/** `GET /v1/exports/nodes`, as the service reads the query. */
export const nodeExportQuerySchema = nodeFilterSchema.extend({ format: z.enum(['csv', 'json']) });

/** `GET /v1/nodes/{name}/history`, as the service reads the query: records with a sequence below `before`. */
export const nodeHistoryQuerySchema = z.strictObject({
  before: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  limit: wholeNumber(1, 1_000).default(100),
});

/** The audit records about a node, newest first; `next` is the `before` of the next page, absent on the last. */
export const nodeHistorySchema = z.object({ records: z.array(auditRecordSchema), next: z.number().int().optional() });
export type NodeHistory = z.output<typeof nodeHistorySchema>;

/** `GET /v1/events`, as the service reads the query. `after` counts where the caller sends no `Last-Event-ID`. */
export const eventsQuerySchema = z.strictObject({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Only of this node. */
  node: nodeName.optional(),
});

/** A number that an event has: `Last-Event-ID`. */
export const lastEventId = wholeNumber(0, Number.MAX_SAFE_INTEGER);
