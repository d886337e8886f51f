import type { Kysely } from 'kysely';

import type { EkFingerprint, NodeId, NodeName } from '#core/ids.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { NodesTable, Schema } from './schema.ts';
import type { NodeFilter } from './store.ts';

export type NodeQueries = ReturnType<typeof nodeQueries>;

type EnrolledColumns = Pick<
  NodesTable,
  'id' | 'name' | 'pool' | 'ek_fingerprint' | 'ek_certificate' | 'measurement_key' | 'enrolled_at' | 'enrolled_by'
>;
type JoinedColumns = Pick<
  NodesTable,
  | 'id'
  | 'last_join_at'
  | 'last_address'
  | 'reset_count'
  | 'restart_count'
  | 'clock_ms'
  | 'ak_name'
  | 'ima_progress'
  | 'firmware_version'
>;

/** Nodes that a look-up by what should be one node's gives back at most. */
const SHARERS_MAX = 10;

/** The nodes' queries, compiled for `db`'s dialect. A retired node is found by its id only: its name and EK are free. */
export function nodeQueries(db: Kysely<Schema>) {
  const kept = db.selectFrom('nodes').selectAll().where('retired_at', 'is', null);
  return {
    find: prepareQuery((p: ParameterOf<{ id: NodeId }>) =>
      db.selectFrom('nodes').selectAll().where('id', '=', p('id')),
    ),
    findByName: prepareQuery((p: ParameterOf<{ name: NodeName }>) => kept.where('name', '=', p('name'))),
    findByEk: prepareQuery((p: ParameterOf<{ ek: EkFingerprint }>) => kept.where('ek_fingerprint', '=', p('ek'))),
    findByAk: prepareQuery((p: ParameterOf<{ akName: string }>) =>
      kept.where('ak_name', '=', p('akName')).orderBy('id').limit(SHARERS_MAX),
    ),
    findAdmissible: prepareQuery((p: ParameterOf<{ id: NodeId; name: NodeName }>) =>
      db
        .selectFrom('nodes')
        .select('id')
        .where('id', '=', p('id'))
        .where('name', '=', p('name'))
        .where('state', 'in', ['enrolled', 'joined']),
    ),
    list: (filter: NodeFilter, after: NodeName | undefined, limit: number) => {
      let query = filter.state === 'retired' ? db.selectFrom('nodes').selectAll() : kept;
      if (filter.state !== undefined) query = query.where('state', '=', filter.state);
      if (filter.pool !== undefined) query = query.where('pool', '=', filter.pool);
      if (after !== undefined) query = query.where('name', '>', after);
      return query.orderBy('name').orderBy('id').limit(limit).compile();
    },
    enrol: prepareQuery((p: ParameterOf<EnrolledColumns>) =>
      db.insertInto('nodes').values({
        id: p('id'),
        name: p('name'),
        pool: p('pool'),
        state: 'enrolled',
        ek_fingerprint: p('ek_fingerprint'),
        ek_certificate: p('ek_certificate'),
        measurement_key: p('measurement_key'),
        enrolled_at: p('enrolled_at'),
        enrolled_by: p('enrolled_by'),
      }),
    ),
    recordJoin: prepareQuery((p: ParameterOf<JoinedColumns>) =>
      db
        .updateTable('nodes')
        .set({
          state: 'joined',
          last_join_at: p('last_join_at'),
          last_address: p('last_address'),
          reset_count: p('reset_count'),
          restart_count: p('restart_count'),
          clock_ms: p('clock_ms'),
          ak_name: p('ak_name'),
          ima_progress: p('ima_progress'),
          firmware_version: p('firmware_version'),
        })
        .where('id', '=', p('id'))
        .where('state', 'in', ['enrolled', 'joined']),
    ),
  };
}
