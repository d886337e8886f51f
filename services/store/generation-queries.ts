import type { Kysely } from 'kysely';

import type { CertificateFingerprint, NodeId } from '#core/ids.ts';

import { type Executor, type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Schema } from './schema.ts';
import { StoreConflictError } from './store-conflict-error.ts';

export type GenerationQueries = ReturnType<typeof generationQueries>;

/** The queries about which certificates a measurement key's holder was given, compiled for `db`'s dialect. */
export function generationQueries(db: Kysely<Schema>) {
  const advance = prepareQuery(
    (p: ParameterOf<{ id: NodeId; newest: CertificateFingerprint; shown: CertificateFingerprint | null }>) =>
      db
        .updateTable('nodes')
        .set({ newest_certificate: p('newest'), previous_certificate: p('shown'), newest_used: 0 })
        .where('id', '=', p('id'))
        .where((eb) =>
          eb.or([
            eb('newest_certificate', 'is not distinct from', p('shown')),
            eb.and([
              eb('previous_certificate', 'is not distinct from', p('shown')),
              eb.or([eb('newest_used', '=', 0), eb('newest_used', 'is', null)]),
            ]),
          ]),
        ),
  );
  return {
    /** `newest` is the node's newest certificate. Throws where what it showed is a conflict by now: another holder of its key was faster. */
    async advance(
      tx: Executor,
      id: NodeId,
      newest: CertificateFingerprint,
      shown: CertificateFingerprint | undefined,
    ): Promise<void> {
      const { affected } = await advance(tx, { id, newest, shown: shown ?? null });
      if (affected !== 1) throw new StoreConflictError('generation-conflict');
    },
    use: prepareQuery((p: ParameterOf<{ id: NodeId; shown: CertificateFingerprint }>) =>
      db
        .updateTable('nodes')
        .set({ newest_used: 1 })
        .where('id', '=', p('id'))
        .where('newest_certificate', '=', p('shown')),
    ),
  };
}
