import { type Kysely, sql } from 'kysely';

import type { CertificateFingerprint, NodeId, Serial } from '#core/ids.ts';
import type { CertificateState } from '#core/issuance.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { RevocationsTable } from './revocation-schema.ts';
import type { CertificateFilter } from './revocations.ts';
import type { Schema } from './schema.ts';

export type RevocationQueries = ReturnType<typeof revocationQueries>;

/** What a certificate's standing may be changed from: nothing on the list, a hold, or a hold that ended. */
const ENDABLE = ['certificateHold', 'removeFromCRL'] as const;

/** The revocation list's queries, compiled for `db`'s dialect. */
export function revocationQueries(db: Kysely<Schema>) {
  const withReason = db
    .selectFrom('certificates as c')
    .leftJoin('revocations as r', 'r.serial', 'c.serial')
    .select(['c.serial', 'c.state', 'c.not_after', 'r.reason']);
  return {
    findByFingerprint: prepareQuery((p: ParameterOf<{ fingerprint: CertificateFingerprint }>) =>
      db.selectFrom('certificates').selectAll().where('fingerprint', '=', p('fingerprint')),
    ),
    find: prepareQuery((p: ParameterOf<{ serial: Serial }>) =>
      db.selectFrom('revocations').selectAll().where('serial', '=', p('serial')).where('reason', '!=', 'removeFromCRL'),
    ),
    newestChange: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db.selectFrom('revocations').select('change').orderBy('change', 'desc').limit(1),
    ),
    standing: prepareQuery((p: ParameterOf<{ serial: Serial }>) => withReason.where('c.serial', '=', p('serial'))),
    // Those that have not expired, and every hold.
    standingsOfNode: prepareQuery((p: ParameterOf<{ nodeId: NodeId; at: string }>) =>
      withReason
        .where('c.node_id', '=', p('nodeId'))
        .where((eb) => eb.or([eb('c.not_after', '>=', p('at')), eb('r.reason', '=', 'certificateHold')]))
        .orderBy('c.serial'),
    ),
    setState: prepareQuery((p: ParameterOf<{ serial: Serial; state: CertificateState }>) =>
      db
        .updateTable('certificates')
        .set({ state: p('state') })
        .where('serial', '=', p('serial')),
    ),
    // A hold that becomes a revocation keeps its time. What was revoked for good is never written over.
    put: prepareQuery((p: ParameterOf<Omit<RevocationsTable, 'dropped'>>) =>
      db
        .insertInto('revocations')
        .values({
          serial: p('serial'),
          not_after: p('not_after'),
          reason: p('reason'),
          revoked_at: p('revoked_at'),
          change: p('change'),
          dropped: 0,
        })
        .onConflict((conflict) =>
          conflict
            .column('serial')
            .doUpdateSet({
              reason: (eb) => eb.ref('excluded.reason'),
              revoked_at: (eb) =>
                eb
                  .case()
                  .when('revocations.reason', '=', 'certificateHold')
                  .then(eb.ref('revocations.revoked_at'))
                  .else(eb.ref('excluded.revoked_at'))
                  .end(),
              change: (eb) => eb.ref('excluded.change'),
            })
            .where('revocations.reason', 'in', ENDABLE),
        ),
    ),
    putOrphan: prepareQuery((p: ParameterOf<{ serial: Serial; revoked_at: string; change: number }>) =>
      db
        .insertInto('revocations')
        .columns(['serial', 'not_after', 'reason', 'revoked_at', 'change', 'dropped'])
        .expression(
          db
            .selectFrom('certificates')
            .select([
              'serial',
              'not_after',
              sql.lit('superseded' as const).as('reason'),
              p('revoked_at').as('revoked_at'),
              p('change').as('change'),
              sql.lit(0).as('dropped'),
            ])
            .where('serial', '=', p('serial')),
        ),
    ),
    endHold: prepareQuery((p: ParameterOf<{ serial: Serial; change: number }>) =>
      db
        .updateTable('revocations')
        .set({ reason: 'removeFromCRL', change: p('change') })
        .where('serial', '=', p('serial'))
        .where('reason', '=', 'certificateHold'),
    ),
    takeNumber: prepareQuery((p: ParameterOf<{ issuer: string; atLeast: number }>) =>
      db
        .insertInto('crls')
        .values({ issuer_key_id: p('issuer'), number: p('atLeast') })
        .onConflict((conflict) =>
          conflict.column('issuer_key_id').doUpdateSet({
            number: (eb) =>
              eb
                .case()
                .when('crls.number', '>=', eb.ref('excluded.number'))
                .then(eb('crls.number', '+', 1))
                .else(eb.ref('excluded.number'))
                .end(),
          }),
        )
        .returning('number'),
    ),
    published: prepareQuery((p: ParameterOf<{ issuer: string }>) =>
      db.selectFrom('crls').select(['published_at', 'published_through']).where('issuer_key_id', '=', p('issuer')),
    ),
    listAfter: prepareQuery((p: ParameterOf<{ change: number; serial: string; limit: number }>) =>
      db
        .selectFrom('revocations')
        .selectAll()
        .where('change', '>=', p('change'))
        .where((eb) => eb.or([eb('change', '>', p('change')), sql<boolean>`serial > ${p('serial')}`]))
        .where('dropped', '=', 0)
        .orderBy('change')
        .orderBy('serial')
        .limit(p('limit')),
    ),
    page: ({ nodeName, state }: CertificateFilter, after: Serial | undefined, limit: number) => {
      let query = db.selectFrom('certificates').selectAll();
      if (nodeName !== undefined) query = query.where('node_name', '=', nodeName);
      if (state !== undefined) query = query.where('state', '=', state);
      if (after !== undefined) query = query.where('serial', '>', after);
      return query.orderBy('serial').limit(limit).compile();
    },
  };
}
