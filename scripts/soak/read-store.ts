import { Client } from 'pg';

import type { AuditHead, AuditRecord } from '#core/audit-record.ts';
import { systemClock } from '#core/clock.ts';
import { clientConfig, type PostgresPlace } from '#services/store/postgres/connection-options.ts';
import { openPostgresStore } from '#services/store/postgres/postgres-store.ts';

/** A certificate's row, as the database has it. */
export interface CertificateRow {
  readonly serial: string;
  readonly state: string;
  readonly node_name: string;
  readonly spki_fingerprint: string;
  readonly fingerprint: string | null;
}

/** Everything that the soak judges by. */
export interface StoreContents {
  readonly records: readonly AuditRecord[];
  readonly head: AuditHead;
  readonly certificates: readonly CertificateRow[];
}

const PAGE = 10_000;

/** Reads the database itself, when nobody writes to it any more. */
export async function readStore(place: PostgresPlace): Promise<StoreContents> {
  await using store = await openPostgresStore({ place, now: systemClock });
  const records: AuditRecord[] = [];
  for (;;) {
    const page = await store.readAudit(records.at(-1)?.sequence ?? 0, PAGE);
    records.push(...page);
    if (page.length === 0) break;
  }
  const head = await store.auditHead();
  const client = new Client(clientConfig(place));
  await client.connect();
  try {
    const columns = 'serial, state, node_name, spki_fingerprint, fingerprint';
    const { rows } = await client.query<CertificateRow>(`select ${columns} from certificates`);
    return { records, head, certificates: rows };
  } finally {
    await client.end();
  }
}

const REMEMBER_EVERY_MS = 1_000;

/** Takes down the audit log's head every second, where the database answers, until it is disposed of. */
export function rememberHeads(place: PostgresPlace): Disposable & { readonly heads: readonly AuditHead[] } {
  const heads: AuditHead[] = [];
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    readHead(place)
      .then((head) => head && heads.push(head))
      .catch(() => undefined)
      .finally(() => {
        isAsking = false;
      });
  }, REMEMBER_EVERY_MS);
  return { heads, [Symbol.dispose]: () => clearInterval(timer) };
}

async function readHead(place: PostgresPlace): Promise<AuditHead | undefined> {
  const client = new Client(clientConfig(place));
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<AuditHead>('select sequence, hash from audit_head where id = 1')).rows[0];
  } finally {
    await client.end().catch(() => undefined);
  }
}
