import type { Clock } from '#core/clock.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openSqliteSink, sqliteRows } from '#services/store/sqlite/sqlite-rows.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { StoreOperations } from '#services/store/store-operations.ts';
import type { Store } from '#services/store/store.ts';
import type { RowSink, RowSource } from '#services/store/transfer/rows.ts';

import type { StoreConfig } from '#services/config/store-config.ts';
import { readTextFile } from '#services/config/strict-document.ts';

type PostgresConfig = Extract<StoreConfig, { kind: 'postgres' }>;

const SECRET_MAX_BYTES = 65_536;

/**
 * The store that `config` describes, with the newest schema. Rejects with a DependencyError where it cannot be used, with ConfigError or
 * PrivateFileError where a file that it names is not what it should be.
 */
export async function openStore(config: StoreConfig, now: Clock): Promise<Store & StoreOperations> {
  if (config.kind === 'sqlite') return openSqliteStore({ path: config.path });
  const place = await postgresPlace(config);
  // Loaded only where it is used: most installations have no PostgreSQL.
  const { openPostgresStore } = await import('#services/store/postgres/postgres-store.ts');
  return openPostgresStore({ place, now, readers: config.readers });
}

/** Everything that the store holds, at one moment, also while a service uses it. */
export async function openRows(config: StoreConfig): Promise<RowSource> {
  if (config.kind === 'sqlite') return sqliteRows(config.path);
  const { postgresRows } = await import('#services/store/postgres/postgres-rows.ts');
  return postgresRows(await postgresPlace(config));
}

/** A new, empty store that takes another one's rows. Rejects where it has any. */
export async function openSink(config: StoreConfig): Promise<RowSink> {
  if (config.kind === 'sqlite') return openSqliteSink(config.path);
  const { openPostgresSink } = await import('#services/store/postgres/postgres-rows.ts');
  return openPostgresSink(await postgresPlace(config));
}

async function postgresPlace(config: PostgresConfig): Promise<PostgresPlace> {
  const { host, port, database, user, passwordFile, ca, certificate, key } = config;
  return {
    host,
    port,
    database,
    user,
    password: passwordFile === undefined ? undefined : (await readSecret(passwordFile)).trimEnd(),
    tls:
      ca === undefined
        ? undefined
        : {
            ca: await readTextFile(ca),
            certificate: certificate === undefined ? undefined : await readTextFile(certificate),
            key: key === undefined ? undefined : await readSecret(key),
          },
  };
}

const readSecret = async (file: string): Promise<string> =>
  Buffer.from(await readPrivateFile(file, SECRET_MAX_BYTES)).toString('utf8');
