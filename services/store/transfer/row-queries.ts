import { type Kysely, sql } from 'kysely';

import type { Executor } from '../prepared-query.ts';
import type { Schema } from '../schema.ts';
import type { Row, RowBatch } from './rows.ts';
import { type Table, TABLES } from './tables.ts';

const BATCH_ROWS = 500;

/** Every table's rows as `executor` sees them, which must be the same moment throughout. */
export async function* readTables(builder: Kysely<Schema>, executor: Executor): AsyncIterable<RowBatch> {
  for (const table of TABLES) {
    let after: Row | undefined;
    for (;;) {
      const { rows } = await executor.executeQuery(pageQuery(builder, table, after));
      if (rows.length > 0) yield { table: table.name, rows };
      if (rows.length < BATCH_ROWS) break;
      after = rows.at(-1);
    }
  }
}

function pageQuery(builder: Kysely<Schema>, { name, key }: Table, after: Row | undefined) {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  const position = sql.join(key.map((column) => sql`${after?.[column]}`));
  const where = after === undefined ? sql`` : sql`where (${columns}) > (${position})`;
  return sql<Row>`select * from ${sql.table(name)} ${where} order by ${columns} limit ${BATCH_ROWS}`.compile(builder);
}

/** Inserts the rows. The audit log's head, which every new database has, takes the place of the one that is there. */
export async function writeRows(builder: Kysely<Schema>, executor: Executor, batch: RowBatch): Promise<void> {
  const table = sql.table(batch.table);
  if (batch.table === 'audit_head') await executor.executeQuery(sql`delete from ${table}`.compile(builder));
  for (const row of batch.rows) {
    const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
    const values = sql.join(Object.values(row).map((value) => sql`${value}`));
    await executor.executeQuery(sql`insert into ${table} (${columns}) values (${values})`.compile(builder));
  }
}

/** Throws unless every table is empty and the audit log has not begun. */
export async function assertEmpty(builder: Kysely<Schema>, executor: Executor): Promise<void> {
  for (const { name } of TABLES) {
    const where = name === 'audit_head' ? sql`where sequence > 0` : sql``;
    const query = sql`select 1 from ${sql.table(name)} ${where} limit 1`.compile(builder);
    const { rows } = await executor.executeQuery(query);
    if (rows.length > 0) throw new Error(`the store is not empty: it has ${name}`);
  }
}
