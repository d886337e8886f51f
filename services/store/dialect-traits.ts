import { type CreateTableBuilder, type RawBuilder, sql } from 'kysely';

/** What differs between the databases that one set of migrations serves. */
export interface DialectTraits {
  /** A byte string. */
  readonly bytes: RawBuilder<unknown>;
  /** An integer up to 2^53. */
  readonly wideInteger: RawBuilder<unknown>;
  /** Text that sorts by code point, whatever the database's locale. */
  readonly orderedText: RawBuilder<unknown>;
  /** Table options for a table that has a numbered row behind its key. */
  table<T extends string, C extends string>(builder: CreateTableBuilder<T, C>): CreateTableBuilder<T, C>;
  /** Table options for a small table that is only ever found by its key. */
  keyedTable<T extends string, C extends string>(builder: CreateTableBuilder<T, C>): CreateTableBuilder<T, C>;
}

/** SQLite 3.37 or later: STRICT makes it keep to the column types. */
export const SQLITE_TRAITS: DialectTraits = {
  bytes: sql`blob`,
  wideInteger: sql`integer`,
  orderedText: sql`text`,
  table: (builder) => builder.modifyEnd(sql`strict`),
  keyedTable: (builder) => builder.modifyEnd(sql`strict, without rowid`),
};

export const POSTGRES_TRAITS: DialectTraits = {
  bytes: sql`bytea`,
  wideInteger: sql`bigint`,
  orderedText: sql`text collate "C"`,
  table: (builder) => builder,
  keyedTable: (builder) => builder,
};
