import { z } from 'zod';

const metadata = z.looseObject({
  name: z.string(),
  uid: z.string().optional(),
  resourceVersion: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
});

/** A taint with everything that the server keeps of it: lists are written back whole. */
const taintSchema = z.looseObject({ key: z.string(), value: z.string().optional(), effect: z.string() });
export type Taint = z.output<typeof taintSchema>;

const nodeSchema = z
  .looseObject({
    metadata,
    spec: z
      .looseObject({ unschedulable: z.boolean().default(false), taints: z.array(taintSchema).default([]) })
      .prefault({}),
    status: z
      .looseObject({
        conditions: z
          .array(z.looseObject({ type: z.string(), status: z.string(), lastTransitionTime: z.string().nullish() }))
          .default([]),
      })
      .prefault({}),
  })
  .transform(({ metadata: { name, uid, resourceVersion, labels }, spec, status }) => ({
    name,
    uid,
    resourceVersion,
    labels,
    unschedulable: spec.unschedulable,
    taints: spec.taints,
    conditions: status.conditions.map(({ type, status: value, lastTransitionTime }) => ({
      type,
      status: value,
      since: lastTransitionTime ?? undefined,
    })),
  }));

/** What Muster reads of a Node. */
export type ClusterNode = z.output<typeof nodeSchema>;

const leaseSchema = z
  .looseObject({ metadata, spec: z.looseObject({ renewTime: z.string().nullish() }).prefault({}) })
  .transform(({ metadata: { name, resourceVersion }, spec: { renewTime } }) => {
    const renewedAt = renewTime === null || renewTime === undefined ? undefined : new Date(renewTime);
    return {
      name,
      resourceVersion,
      renewedAt: renewedAt === undefined || Number.isNaN(renewedAt.getTime()) ? undefined : renewedAt,
    };
  });

/** What Muster reads of a node's Lease. */
export type ClusterLease = z.output<typeof leaseSchema>;

/** The Node in `json`. Throws z.ZodError on what is none. */
export const parseClusterNode = (json: unknown): ClusterNode => nodeSchema.parse(json);
/** The Lease in `json`. Throws z.ZodError on what is none. */
export const parseClusterLease = (json: unknown): ClusterLease => leaseSchema.parse(json);

const listSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullable(),
});

/** A page of a list. Throws z.ZodError on what is none. */
export function parseList(json: unknown): {
  items: readonly unknown[];
  resourceVersion: string;
  next: string | undefined;
} {
  const { metadata: page, items } = listSchema.parse(json);
  const { resourceVersion, continue: next } = page;
  return { items: items ?? [], resourceVersion, next: next === '' ? undefined : next };
}

const eventSchema = z.looseObject({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});
const versionSchema = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) });
const statusSchema = z.looseObject({ code: z.number().optional() });

/** One event of a watch. */
export type WatchEvent =
  | { readonly kind: 'put' | 'removed'; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string }
  | { readonly kind: 'error'; readonly code: number };

/** The event in `json`. Throws z.ZodError on what is none. */
export function parseWatchEvent(json: unknown): WatchEvent {
  const { type, object } = eventSchema.parse(json);
  if (type === 'ERROR') return { kind: 'error', code: statusSchema.parse(object).code ?? 0 };
  const { resourceVersion } = versionSchema.parse(object).metadata;
  if (type === 'BOOKMARK') return { kind: 'bookmark', resourceVersion };
  return { kind: type === 'DELETED' ? 'removed' : 'put', object, resourceVersion };
}
