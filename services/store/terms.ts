import { type Kysely, sql } from 'kysely';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Executor } from './prepared-query.ts';
import type { Schema } from './schema.ts';
import { StoreConflictError } from './store-conflict-error.ts';
import type { StoreParts } from './store-parts.ts';

/**
 * The terms of leaders, counted. A leader whose lock went to another one and who has not noticed is found out by its number: a write that takes
 * a term and is not of the newest one throws, whatever that leader believes.
 */
export interface TermStore {
  /** Begins the next term. Writes of every earlier one are refused from then on. */
  beginTerm(): Promise<number>;
}

/** One row, id 1. */
export interface LeaderTermsTable {
  id: number;
  term: number;
}

export function termOperations({ builder, transact }: StoreParts): TermStore {
  const next = prepareQuery(() =>
    builder
      .insertInto('leader_terms')
      .values({ id: 1, term: 1 })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ term: sql<number>`leader_terms.term + 1` }))
      .returning('term'),
  );
  return {
    beginTerm: () =>
      transact(async (tx) => {
        const [row] = (await next(tx, {})).rows;
        if (row === undefined) throw new Error('a term was not begun');
        return row.term;
      }),
  };
}

/** Throws a StoreConflictError unless `term` is the newest: nobody can begin another before `tx` is committed. */
export function termFence(builder: Kysely<Schema>): (tx: Executor, term: number) => Promise<void> {
  const isNewest = prepareQuery((p: ParameterOf<{ term: number }>) =>
    builder.selectFrom('leader_terms').select('id').where('term', '=', p('term')),
  );
  return async (tx, term) => {
    if ((await isNewest(tx, { term })).rows.length !== 1) throw new StoreConflictError('term-over');
  };
}
