import { z } from 'zod';

import type { Row, RowBatch, Value } from '#services/store/transfer/rows.ts';
import { isTableName, type TableName } from '#services/store/transfer/tables.ts';

/** A file of the configuration's directory that is in a backup. */
export interface SavedFile {
  /** Relative to that directory. */
  readonly file: string;
  readonly content: Uint8Array;
}

/** One line of an opened backup. */
export type BackupLine = ({ readonly kind: 'rows' } & RowBatch) | ({ readonly kind: 'file' } & SavedFile);

const FORM = 'muster-backup-1';

/** The first line: what the rest is. */
export const FIRST_LINE = `${JSON.stringify({ form: FORM })}\n`;

const bytesSchema = z
  .strictObject({ base64: z.base64() })
  .transform(({ base64 }) => new Uint8Array(Buffer.from(base64, 'base64')));
const valueSchema = z.union([z.string(), z.number(), z.null(), bytesSchema]);
const lineSchema = z.union([
  z.strictObject({
    table: z.custom<TableName>((name) => typeof name === 'string' && isTableName(name)),
    rows: z.array(z.record(z.string(), valueSchema)),
  }),
  z.strictObject({ file: z.string().min(1).max(1_024), content: bytesSchema }),
]);

/** One line of JSON, with its end. */
export function renderLine(line: BackupLine): string {
  const written = line.kind === 'rows' ? { table: line.table, rows: line.rows.map(renderRow) } : renderFile(line);
  return `${JSON.stringify(written)}\n`;
}

/** Throws ZodError or SyntaxError on a line that `renderLine` did not write. */
export function parseLine(text: string): BackupLine {
  const line = lineSchema.parse(JSON.parse(text));
  return 'table' in line ? { kind: 'rows', ...line } : { kind: 'file', ...line };
}

/** Throws unless `text` is the first line of a backup that this program reads. */
export function assertFirstLine(text: string): void {
  if (`${text}\n` !== FIRST_LINE) throw new Error(`not a backup of the form ${FORM}`);
}

const renderBytes = (bytes: Uint8Array) => ({ base64: Buffer.from(bytes).toString('base64') });
const renderValue = (value: Value) => (value instanceof Uint8Array ? renderBytes(value) : value);
const renderFile = ({ file, content }: SavedFile) => ({ file, content: renderBytes(content) });
const renderRow = (row: Row) =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, renderValue(value)]));
