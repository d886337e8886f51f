import type { AuditRecord } from '#core/audit-record.ts';

/**
 * Why records were not delivered. `refused`: the receiver will not have them as they are. `busy`: it said to come again. `unreachable`: no
 * connection, or one that broke. `unconfirmed`: it did not say in time that it has them. `files`: a key, certificate or token file of ours
 * cannot be used. `storage`: they cannot be written. `fault`: our own.
 */
export const FAILURE_KINDS = ['refused', 'busy', 'unreachable', 'unconfirmed', 'files', 'storage', 'fault'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface DeliveryFailure {
  readonly kind: FailureKind;
  /** In a few words, without a secret and without the receiver's own text. */
  readonly detail: string;
  /** The receiver asked for at least this much peace. */
  readonly retryAfterMs?: number | undefined;
}

/** `records`: so many of those that were given, from the first, are the receiver's now; at least one. */
export type Delivery = { readonly ok: true; readonly records: number } | ({ readonly ok: false } & DeliveryFailure);

/** Where audit records go. */
export interface Destination extends Disposable {
  readonly name: string;
  readonly kind: 'syslog' | 'https' | 'file';
  /** Host and port, or path: for people. */
  readonly place: string;
  /** Delivers some of the records, of which there is at least one, in their order. What is delivered may be delivered again. */
  deliver(records: readonly AuditRecord[], stop: AbortSignal): Promise<Delivery>;
}

/** Bytes that are sent at a time, unless the first record alone is more. */
export const DELIVERY_BYTES = 1_048_576;

/** `render` of each record, from the first, as long as they fit. */
export function renderSome(
  records: readonly AuditRecord[],
  render: (record: AuditRecord) => Buffer,
): readonly Buffer[] {
  const rendered: Buffer[] = [];
  let size = 0;
  for (const record of records) {
    const bytes = render(record);
    size += bytes.byteLength;
    if (rendered.length > 0 && size > DELIVERY_BYTES) break;
    rendered.push(bytes);
  }
  return rendered;
}

/** The text of whatever was thrown: of an error with several causes, the first one's. */
export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  return error instanceof Error ? error.message : 'failed';
}
