import type { CompiledQuery } from 'kysely';
import type { QueryResult } from 'pg';

import type { Executor } from '../prepared-query.ts';

/** What of the driver's runs a query: a client or a pool. */
export interface Queryable {
  query(query: { readonly name: string; readonly text: string; readonly values: unknown[] }): Promise<QueryResult>;
}

/** Each statement is prepared once on each connection, under a name of its own. */
const names = new Map<string, string>();
/** More than the store's own statements; rare filters after these are sent under one name's worth of text each, unprepared. */
const NAMES_MAX = 512;

/** Compiled queries on what `of` gives, which may be another connection each time. */
export function postgresExecutor(of: () => Queryable): Executor {
  return {
    executeQuery: async <R>({ sql: text, parameters }: CompiledQuery<R>) => {
      const { rows, rowCount } = await of().query({ name: nameOf(text), text, values: [...parameters] });
      // The query builder worked out the rows' type from the statement; the tables' columns keep to theirs.
      return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
    },
  };
}

/** The empty name is PostgreSQL's unnamed statement, which the next one replaces. */
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= NAMES_MAX) return '';
  const name = `muster_${names.size + 1}`;
  names.set(text, name);
  return name;
}
