import type { Kysely } from 'kysely';

import type { CandidateId, EkFingerprint, NodeId, PoolName } from '#core/ids.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { CandidatesTable, Schema } from './schema.ts';

type QueuedColumns = Omit<CandidatesTable, 'state' | 'revision' | 'refused_by' | 'refused_at' | 'refused_reason'>;
type SeenColumns = Pick<
  CandidatesTable,
  'id' | 'ek_certificate' | 'pool' | 'network' | 'last_seen_at' | 'expires_at' | 'request_id' | 'latest_proof'
> & { readonly changes: number };

/** The queue's queries, compiled for `db`'s dialect. */
export function candidateQueries(db: Kysely<Schema>) {
  const all = db.selectFrom('candidates').selectAll();
  const count = db.selectFrom('candidates').select((eb) => eb.fn.countAll<number>().as('count'));
  return {
    forget: prepareQuery((p: ParameterOf<{ at: string }>) =>
      db.deleteFrom('candidates').where('expires_at', '<=', p('at')),
    ),
    findByEk: prepareQuery((p: ParameterOf<{ ek: EkFingerprint }>) => all.where('ek_fingerprint', '=', p('ek'))),
    find: prepareQuery((p: ParameterOf<{ id: CandidateId; at: string }>) =>
      all.where('id', '=', p('id')).where('expires_at', '>', p('at')),
    ),
    list: prepareQuery((p: ParameterOf<{ at: string; limit: number }>) =>
      all
        .where('expires_at', '>', p('at'))
        // `waiting` sorts after `refused`.
        .orderBy('state', 'desc')
        .orderBy('first_seen_at')
        .orderBy('id')
        .limit(p('limit')),
    ),
    countAll: prepareQuery((_p: ParameterOf<Record<never, never>>) => count),
    countOfNetwork: prepareQuery((p: ParameterOf<{ network: string }>) => count.where('network', '=', p('network'))),
    queue: prepareQuery((p: ParameterOf<QueuedColumns>) =>
      db.insertInto('candidates').values({
        id: p('id'),
        ek_fingerprint: p('ek_fingerprint'),
        ek_certificate: p('ek_certificate'),
        pool: p('pool'),
        node_id: p('node_id'),
        network: p('network'),
        state: 'waiting',
        first_seen_at: p('first_seen_at'),
        last_seen_at: p('last_seen_at'),
        expires_at: p('expires_at'),
        request_id: p('request_id'),
        revision: 1,
        first_proof: p('first_proof'),
        latest_proof: p('latest_proof'),
      }),
    ),
    seen: prepareQuery((p: ParameterOf<SeenColumns>) =>
      db
        .updateTable('candidates')
        .set((eb) => ({
          ek_certificate: p('ek_certificate'),
          pool: p('pool'),
          network: p('network'),
          last_seen_at: p('last_seen_at'),
          expires_at: p('expires_at'),
          request_id: p('request_id'),
          latest_proof: p('latest_proof'),
          revision: eb('revision', '+', p('changes')),
        }))
        .where('id', '=', p('id')),
    ),
    refuse: prepareQuery((p: ParameterOf<{ id: CandidateId; by: string; at: string; reason: string }>) =>
      db
        .updateTable('candidates')
        .set({ state: 'refused', refused_by: p('by'), refused_at: p('at'), refused_reason: p('reason') })
        .where('id', '=', p('id'))
        .where('expires_at', '>', p('at'))
        .where('state', '=', 'waiting'),
    ),
    remove: prepareQuery((p: ParameterOf<{ id: CandidateId }>) =>
      db.deleteFrom('candidates').where('id', '=', p('id')),
    ),
    removeOfEk: prepareQuery((p: ParameterOf<{ ek: EkFingerprint }>) =>
      db.deleteFrom('candidates').where('ek_fingerprint', '=', p('ek')),
    ),
    /** A node that is enrolled and has never joined waits from now on. */
    holdNode: prepareQuery((p: ParameterOf<{ id: NodeId }>) =>
      db
        .updateTable('nodes')
        .set({ state: 'pending' })
        .where('id', '=', p('id'))
        .where('state', '=', 'enrolled')
        .where('approved_at', 'is', null),
    ),
    approveNode: prepareQuery((p: ParameterOf<{ id: NodeId; by: string; at: string }>) =>
      db
        .updateTable('nodes')
        .set({ state: 'enrolled', approved_by: p('by'), approved_at: p('at') })
        .where('id', '=', p('id'))
        .where('state', '=', 'pending'),
    ),
    /** Of a machine that was enrolled in this transaction. */
    markApproved: prepareQuery((p: ParameterOf<{ id: NodeId; by: string; at: string }>) =>
      db
        .updateTable('nodes')
        .set({ approved_by: p('by'), approved_at: p('at') })
        .where('id', '=', p('id')),
    ),
    countEnrolledBy: prepareQuery((p: ParameterOf<{ by: string; pool: PoolName; since: string }>) =>
      db
        .selectFrom('nodes')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('enrolled_by', '=', p('by'))
        .where('pool', '=', p('pool'))
        .where('enrolled_at', '>', p('since')),
    ),
  };
}
