import type { AuditRecord } from '#core/audit-record.ts';
import type { NodeName } from '#core/ids.ts';
import type { StreamSink } from '#services/http/answer-stream.ts';
import type { StoreReader } from '#services/store/store.ts';

import { renderAuditRecord } from './render.ts';

export interface EventFeedDeps {
  readonly store: Pick<StoreReader, 'readAudit' | 'auditHead'>;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly elapsedMs: () => number;
  /** Aborts when the service stops. */
  readonly stopping: AbortSignal;
}

/** Between two looks for new records. The head is one row, so a look costs little. */
const LOOK_EVERY_MS = 500;
/** Without an event for this long a comment is sent: what stands between takes an idle connection for a dead one. */
const KEEP_ALIVE_MS = 15_000;
/** Records read at a time: all that one follower keeps in memory, beside what its socket holds. */
const PAGE = 200;

/** Who may follow at the same time. */
export const FOLLOWERS_MAX = 64;

/**
 * Writes every record about a node with a sequence above `after` as a server-sent event, then each new one, until the reader is gone, too
 * slow, or no longer permitted, or the service stops. An event's id is its record's sequence, and ids move on over records that are not
 * sent, so a reader that comes back with the last id misses nothing and reads nothing twice.
 */
export async function followEvents(
  deps: EventFeedDeps,
  from: { readonly after: number; readonly node: NodeName | undefined },
  sink: StreamSink,
): Promise<void> {
  const { store, pause, elapsedMs, stopping } = deps;
  const over = AbortSignal.any([sink.closed, stopping]);
  let { after } = from;
  let spokeMs = elapsedMs();
  if (!(await sink.write(`retry: 2000\nid: ${after}\n\n`))) return;
  while (!over.aborted) {
    const isBehind = (await store.auditHead()).sequence > after;
    const records = isBehind ? await store.readAudit(after, PAGE) : [];
    after = records.at(-1)?.sequence ?? after;
    const text = records
      .filter((record) => isWanted(record, from.node))
      .map(renderEvent)
      .join('');
    const isQuiet = text === '' && elapsedMs() - spokeMs >= KEEP_ALIVE_MS;
    if (isQuiet && !(await sink.isPermitted())) return;
    if (text !== '' || isQuiet) {
      if (!(await sink.write(isQuiet ? `: keep-alive\nid: ${after}\n\n` : text))) return;
      spokeMs = elapsedMs();
    }
    if (records.length === 0) await pause(LOOK_EVERY_MS, over);
  }
}

const isWanted = ({ nodeName }: AuditRecord, node: NodeName | undefined): boolean =>
  nodeName !== undefined && (node === undefined || nodeName === node);

/** A record as an event. JSON has no line breaks of its own. */
const renderEvent = (record: AuditRecord): string =>
  `id: ${record.sequence}\nevent: ${record.type}\ndata: ${JSON.stringify(renderAuditRecord(record))}\n\n`;
