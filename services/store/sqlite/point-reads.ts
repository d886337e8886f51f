import { Kysely } from 'kysely';

import { KyselyStore } from '../kysely-store.ts';
import type { Schema } from '../schema.ts';
import type { StoreReader } from '../store.ts';
import { openDatabase } from './open-database.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { SqliteDialect } from './sqlite-dialect.ts';

/** A log in WAL mode keeps no reader waiting, but while it is recovered or removed; the thread that reads has more to do than to wait. */
const WAIT_MS = 50;

/** Reads of one row by a key, each a few pages of the file. */
export interface PointReads extends Pick<
  StoreReader,
  'findNode' | 'findNodeByEk' | 'findNodeByName' | 'findCertificate'
> {
  close(): void;
}

/**
 * Reads of the file at `path`, which a writer has open, on the calling thread: sending one of them to another thread costs several times as
 * much. They see everything that is committed.
 */
export function openPointReads(path: string): PointReads {
  const database = openDatabase(path, { readOnly: true, waitMs: WAIT_MS });
  const connection = new SqliteConnection(database);
  const builder = new Kysely<Schema>({ dialect: new SqliteDialect(connection) });
  const store = new KyselyStore(builder, connection, () => Promise.reject(new Error('this connection only reads')));
  return {
    findNode: (id) => store.findNode(id),
    findNodeByEk: (ek) => store.findNodeByEk(ek),
    findNodeByName: (name) => store.findNodeByName(name),
    findCertificate: (serial) => store.findCertificate(serial),
    close: () => {
      if (database.isOpen) database.close();
    },
  };
}
