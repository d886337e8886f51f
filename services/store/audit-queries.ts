import type { Kysely } from 'kysely';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { AuditRecordsTable, Schema } from './schema.ts';

export type AuditQueries = ReturnType<typeof auditQueries>;

/** The audit log's queries, compiled for `db`'s dialect. There is none that changes or removes a record. */
export function auditQueries(db: Kysely<Schema>) {
  const records = db.selectFrom('audit_records').selectAll();
  return {
    readAfter: prepareQuery((p: ParameterOf<{ after: number; limit: number }>) =>
      records.where('sequence', '>', p('after')).orderBy('sequence').limit(p('limit')),
    ),
    readOfRequest: prepareQuery((p: ParameterOf<{ requestId: string }>) =>
      records.where('request_id', '=', p('requestId')).orderBy('sequence'),
    ),
    readOfNode: prepareQuery((p: ParameterOf<{ name: string; before: number; limit: number }>) =>
      records
        .where('node_name', '=', p('name'))
        .where('sequence', '<', p('before'))
        .orderBy('sequence', 'desc')
        .limit(p('limit')),
    ),
    readOfType: prepareQuery((p: ParameterOf<{ type: string; before: number; limit: number }>) =>
      records
        .where('type', '=', p('type'))
        .where('sequence', '<', p('before'))
        .orderBy('sequence', 'desc')
        .limit(p('limit')),
    ),
    head: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db.selectFrom('audit_head').select(['sequence', 'hash']).where('id', '=', 1),
    ),
    /** Takes the next number and, on a database with row locks, every later caller's place behind this transaction. */
    advanceHead: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db
        .updateTable('audit_head')
        .set((eb) => ({ sequence: eb('sequence', '+', 1) }))
        .where('id', '=', 1)
        .returning(['sequence', 'hash']),
    ),
    setHeadHash: prepareQuery((p: ParameterOf<{ hash: string }>) =>
      db
        .updateTable('audit_head')
        .set({ hash: p('hash') })
        .where('id', '=', 1),
    ),
    append: prepareQuery((p: ParameterOf<Pick<AuditRecordsTable, keyof AuditRecordsTable>>) =>
      db.insertInto('audit_records').values({
        sequence: p('sequence'),
        previous_hash: p('previous_hash'),
        hash: p('hash'),
        type: p('type'),
        at: p('at'),
        actor: p('actor'),
        address: p('address'),
        request_id: p('request_id'),
        node_name: p('node_name'),
        facts: p('facts'),
      }),
    ),
  };
}
