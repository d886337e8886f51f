import type { TableName } from './tables.ts';

/** What a column of ours may hold. */
export type Value = string | number | null | Uint8Array;

/** One row by column. */
export type Row = Readonly<Record<string, Value>>;

/** Rows of one table, in order of its key. */
export interface RowBatch {
  readonly table: TableName;
  readonly rows: readonly Row[];
}

/** Everything that a store holds, as it stood at one moment. */
export interface RowSource extends AsyncDisposable {
  /** Every table's rows, each table after those that it refers to. */
  batches(): AsyncIterable<RowBatch>;
}

/** An empty store that takes everything another one held: all of it at once, or nothing. */
export interface RowSink extends AsyncDisposable {
  write(batch: RowBatch): Promise<void>;
  /** What was written is durable on resolution. Without this call nothing was. */
  commit(): Promise<void>;
}

/** Rows by table. */
export type RowCounts = ReadonlyMap<TableName, number>;

/** Writes everything that `source` has to `sink` and commits. Resolves to how much that was. */
export async function transferRows(
  source: Pick<RowSource, 'batches'>,
  sink: Pick<RowSink, 'write' | 'commit'>,
  progress: (batch: RowBatch) => void = () => undefined,
): Promise<RowCounts> {
  const counts = new Map<TableName, number>();
  for await (const batch of source.batches()) {
    await sink.write(batch);
    counts.set(batch.table, (counts.get(batch.table) ?? 0) + batch.rows.length);
    progress(batch);
  }
  await sink.commit();
  return counts;
}
