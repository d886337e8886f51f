import { type Kysely, sql } from 'kysely';

import type { NodeId, Serial, SpkiFingerprint } from '#core/ids.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { CertificatesTable, Schema } from './schema.ts';

export type CertificateQueries = ReturnType<typeof certificateQueries>;

type ReservedColumns = Omit<CertificatesTable, 'state' | 'fingerprint' | 'der'>;
type IssuedColumns = Pick<CertificatesTable, 'serial' | 'node_id' | 'fingerprint' | 'der'>;

/** Nodes that a look-up by one key gives back at most. */
const HOLDERS_MAX = 10;

/** The certificates' queries, compiled for `db`'s dialect. Each change of state names the state it starts from. */
export function certificateQueries(db: Kysely<Schema>) {
  return {
    find: prepareQuery((p: ParameterOf<{ serial: Serial }>) =>
      db.selectFrom('certificates').selectAll().where('serial', '=', p('serial')),
    ),
    /** An intent counts: whether its certificate was signed may not be known. */
    holdersOfKey: prepareQuery((p: ParameterOf<{ spkiFingerprint: SpkiFingerprint }>) =>
      db
        .selectFrom('certificates')
        .select('node_id')
        .distinct()
        .where('spki_fingerprint', '=', p('spkiFingerprint'))
        .orderBy('node_id')
        .limit(HOLDERS_MAX),
    ),
    listOfNode: prepareQuery((p: ParameterOf<{ nodeId: NodeId; limit: number }>) =>
      db
        .selectFrom('certificates')
        .selectAll()
        .where('node_id', '=', p('nodeId'))
        .orderBy('not_before', 'desc')
        .orderBy('serial')
        .limit(p('limit')),
    ),
    // The state is spelled out, not bound: only then may the planner use the index over what is being signed.
    listSigning: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db
        .selectFrom('certificates')
        .selectAll()
        .where('state', '=', sql.lit('signing' as const))
        .orderBy('serial'),
    ),
    reserve: prepareQuery((p: ParameterOf<ReservedColumns>) =>
      db
        .insertInto('certificates')
        .values({
          serial: p('serial'),
          node_id: p('node_id'),
          node_name: p('node_name'),
          request_id: p('request_id'),
          state: 'signing',
          spki_fingerprint: p('spki_fingerprint'),
          tbs_digest: p('tbs_digest'),
          not_before: p('not_before'),
          not_after: p('not_after'),
        })
        .onConflict((conflict) => conflict.column('serial').doNothing()),
    ),
    recordIssued: prepareQuery((p: ParameterOf<IssuedColumns>) =>
      db
        .updateTable('certificates')
        .set({ state: 'issued', fingerprint: p('fingerprint'), der: p('der') })
        .where('serial', '=', p('serial'))
        .where('node_id', '=', p('node_id'))
        .where('state', '=', 'signing'),
    ),
    orphan: prepareQuery((p: ParameterOf<{ serial: Serial }>) =>
      db
        .updateTable('certificates')
        .set({ state: 'orphaned' })
        .where('serial', '=', p('serial'))
        .where('state', '=', 'signing'),
    ),
  };
}
