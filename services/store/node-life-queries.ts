import type { Kysely } from 'kysely';

import type { NodeId } from '#core/ids.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { NodesTable, Schema } from './schema.ts';

type StandingColumns = Pick<NodesTable, 'id' | 'state' | 'quarantined_from' | 'barred_from' | 'retired_at'>;

/** The queries about nodes' standing, compiled for `db`'s dialect. */
export function nodeLifeQueries(db: Kysely<Schema>) {
  return {
    find: prepareQuery((p: ParameterOf<{ id: NodeId }>) =>
      db.selectFrom('nodes').select(['name', 'state', 'quarantined_from', 'barred_from']).where('id', '=', p('id')),
    ),
    set: prepareQuery((p: ParameterOf<StandingColumns>) =>
      db
        .updateTable('nodes')
        .set({
          state: p('state'),
          quarantined_from: p('quarantined_from'),
          barred_from: p('barred_from'),
          retired_at: p('retired_at'),
        })
        .where('id', '=', p('id')),
    ),
  };
}
