import { afterAll, beforeAll, describe } from 'vitest';

import { AUDIT_GENESIS } from '#core/audit-record.ts';
import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';
import type { Store } from '#services/store/store.ts';
import { storeContract } from '#test/contract/store.contract.ts';
import { type LabPostgres, postgresPrograms, startPostgres } from '#test/lab/postgres.ts';

const bin = postgresPrograms();
if (bin === undefined) console.warn('SKIPPED: PostgreSQL is not installed: the store is not tried on it');

describe.skipIf(bin === undefined)('with PostgreSQL (postgresql)', () => {
  let server: LabPostgres;
  let place: PostgresPlace;
  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    place = await server.createDatabase('muster');
  });
  afterAll(async () => {
    await open?.[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  // One store is emptied and used again for as long as it is open.
  let open: Store | undefined;
  storeContract('PostgreSQL', async () => {
    const store = open ?? (await openPostgresStore({ place, now: () => LATER }));
    open = store;
    await server.query(place, EMPTY);
    return {
      store,
      setNodeState: async (id, state) => {
        const retiredAt = state === 'retired' ? '2026-11-21T13:00:00.000Z' : null;
        await server.query(place, 'update nodes set state = $1, retired_at = $2 where id = $3', [state, retiredAt, id]);
      },
      discard: async () => {
        const isOpen = await store.auditHead().then(
          () => true,
          () => false,
        );
        if (!isOpen) open = undefined;
      },
    };
  });
});

/** So late that no other replica can be signing what a test reserved. */
const LATER = new Date('2027-11-21T10:00:00Z');

/** Every table of ours but the migrator's, and the head of the audit log as it begins. */
const EMPTY = `
  set session_replication_role = replica;
  do $$ declare one text; begin
    for one in select tablename from pg_tables
      where schemaname = 'public' and tablename not like 'kysely%' and tablename <> 'audit_head' loop
      execute format('delete from %I', one);
    end loop;
  end $$;
  set session_replication_role = default;
  update audit_head set sequence = 0, hash = '${AUDIT_GENESIS}'`;
