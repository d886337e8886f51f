import { afterAll } from 'vitest';

import { AUDIT_GENESIS } from '#core/audit-record.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import { storeContract } from '#test/contract/store.contract.ts';
import { labStorePath, tamper } from '#test/lab/sqlite-store.ts';

// Starting a thread costs more than any of the tests, so one store is emptied and used again for as long as it is open.
const { path, remove } = labStorePath();
let shared: Store | undefined;
let closed = true;

async function openEmpty(): Promise<Store> {
  if (shared === undefined || closed) shared = await openSqliteStore({ path });
  closed = false;
  for (const table of [
    'node_contacts',
    'node_addresses',
    'candidates',
    'step_up_challenges',
    'step_up_counters',
    'audit_export_cursors',
    'leader_terms',
    'crl_lists',
  ])
    tamper(path, `delete from ${table}`);
  for (const table of ['revocations', 'crls', 'certificates', 'tickets', 'nodes', 'audit_records'])
    tamper(path, `delete from ${table}`);
  tamper(path, 'update audit_head set sequence = 0, hash = ?', AUDIT_GENESIS);
  return shared;
}

storeContract('SQLite in its thread', async () => {
  const store = await openEmpty();
  return {
    store,
    setNodeState: async (id, state) => {
      const retiredAt = state === 'retired' ? '2026-11-21T13:00:00.000Z' : null;
      tamper(path, 'update nodes set state = ?, retired_at = ? where id = ?', state, retiredAt, id);
    },
    discard: async () => {
      closed = await store.auditHead().then(
        () => false,
        () => true,
      );
    },
  };
});

afterAll(async () => {
  await shared?.[Symbol.asyncDispose]();
  remove();
});
