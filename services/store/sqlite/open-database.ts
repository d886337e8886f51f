import { DatabaseSync } from 'node:sqlite';

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** How long the calling thread may stand still for another connection's lock; 5,000 unless said otherwise. */
  readonly waitMs?: number;
}

interface Setting {
  readonly name: string;
  readonly set: string;
  readonly reads: string | number;
}

/** Each is set on every connection and then read back: some builds and file systems quietly keep another value. */
const settingsOf = ({ waitMs = 5_000 }: ConnectionOptions): readonly Setting[] => [
  { name: 'busy_timeout', set: String(waitMs), reads: waitMs },
  { name: 'journal_mode', set: 'WAL', reads: 'wal' },
  { name: 'synchronous', set: 'FULL', reads: 2 },
  { name: 'foreign_keys', set: 'ON', reads: 1 },
  { name: 'trusted_schema', set: 'OFF', reads: 0 },
  { name: 'cell_size_check', set: 'ON', reads: 1 },
];

/** KiB of page cache per connection; SQLite's own 2 MiB is small beside a fleet's indexes. */
const CACHE_KIB = 16_384;

/** Pages in the write-ahead log, 16 MiB, at which they are folded into the file: the same few pages change with every join. */
const CHECKPOINT_PAGES = 4_096;

/** An open connection on which every setting reads as it must. Throws, with nothing left open, when one does not. */
export function openDatabase(path: string, options: ConnectionOptions): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: options.readOnly, allowExtension: false, defensive: true });
  const settings = settingsOf(options);
  try {
    for (const { name, set } of settings) database.exec(`pragma ${name} = ${set}`);
    for (const { name, reads } of settings) {
      const found = readPragma(database, name);
      if (found !== reads) throw new Error(`SQLite keeps ${name} = ${String(found)}; the store needs ${reads}`);
    }
    database.exec(`pragma cache_size = -${CACHE_KIB}`);
    database.exec(`pragma wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The one value of a pragma. */
export function readPragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`pragma ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}
