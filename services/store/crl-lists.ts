import { type Kysely, sql } from 'kysely';

import type { Bytes } from '#core/bytes.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { PublishedCrl } from './revocations.ts';
import type { Schema } from './schema.ts';
import { StoreConflictError } from './store-conflict-error.ts';
import type { StoreParts } from './store-parts.ts';
import { termFence } from './terms.ts';

/** An issuer's list, signed: what every process over the store serves. */
export interface CrlList extends PublishedCrl {
  /** The issuing key's identifier, lower-case hex. */
  readonly issuerKeyId: string;
  readonly der: Bytes;
  readonly number: number;
  readonly nextUpdate: Date;
  readonly entries: number;
}

export interface CrlListStore {
  /** The number of an issuer's newest list; 0 before the first. */
  crlListNumber(issuerKeyId: string): Promise<number>;
  /** An issuer's newest list. What the bytes are, whoever reads them checks. */
  findCrlList(issuerKeyId: string): Promise<CrlList | undefined>;
  /**
   * Puts a list in the place of the issuer's newest, from where every process serves it. What stood in every issuer's past its expiry is not
   * listed again. Throws `term-over` unless `term` is the newest, and `list-overtaken` where the list does not come after the newest one: by its
   * number, with every change that the other tells of.
   */
  recordCrl(list: CrlList, term: number): Promise<void>;
}

/** One row an issuer. */
export interface CrlListsTable {
  issuer_key_id: string;
  number: number;
  next_update: string;
  this_update: string;
  through: number;
  entries: number;
  der: Bytes;
}

export function crlListOperations({ builder, reader, transact }: StoreParts): CrlListStore {
  const lists = crlListQueries(builder);
  const assertTerm = termFence(builder);
  return {
    async crlListNumber(issuer) {
      return (await lists.number(reader, { issuer })).rows[0]?.number ?? 0;
    },

    async findCrlList(issuer) {
      return (await lists.find(reader, { issuer })).rows.map(listFromRow).at(0);
    },

    recordCrl: (list, term) =>
      transact(async (tx) => {
        await assertTerm(tx, term);
        const row = rowFromList(list);
        const at = row.this_update;
        const { affected } = await lists.recordPublished(tx, { issuer: row.issuer_key_id, at, through: row.through });
        if (affected !== 1) throw new Error('a list was published without a number');
        if ((await lists.put(tx, row)).affected !== 1) throw new StoreConflictError('list-overtaken');
        await lists.dropExpired(tx, { at });
      }),
  };
}

const listFromRow = (row: CrlListsTable): CrlList => ({
  issuerKeyId: row.issuer_key_id,
  der: row.der,
  number: row.number,
  thisUpdate: new Date(row.this_update),
  nextUpdate: new Date(row.next_update),
  entries: row.entries,
  through: row.through,
});

const rowFromList = (list: CrlList): CrlListsTable => ({
  issuer_key_id: list.issuerKeyId,
  der: list.der,
  number: list.number,
  this_update: list.thisUpdate.toISOString(),
  next_update: list.nextUpdate.toISOString(),
  entries: list.entries,
  through: list.through,
});

const WRITTEN = ['number', 'this_update', 'next_update', 'through', 'entries', 'der'] as const;

function crlListQueries(db: Kysely<Schema>) {
  return {
    number: prepareQuery((p: ParameterOf<{ issuer: string }>) =>
      db.selectFrom('crl_lists').select('number').where('issuer_key_id', '=', p('issuer')),
    ),
    find: prepareQuery((p: ParameterOf<{ issuer: string }>) =>
      db.selectFrom('crl_lists').selectAll().where('issuer_key_id', '=', p('issuer')),
    ),
    put: prepareQuery((p: ParameterOf<Pick<CrlListsTable, keyof CrlListsTable>>) =>
      db
        .insertInto('crl_lists')
        .values({
          issuer_key_id: p('issuer_key_id'),
          number: p('number'),
          this_update: p('this_update'),
          next_update: p('next_update'),
          through: p('through'),
          entries: p('entries'),
          der: p('der'),
        })
        .onConflict((conflict) =>
          conflict
            .column('issuer_key_id')
            .doUpdateSet((eb) => Object.fromEntries(WRITTEN.map((column) => [column, eb.ref(`excluded.${column}`)])))
            .where(
              sql<boolean>`excluded.number > crl_lists.number and excluded.through >= crl_lists.through and excluded.this_update >= crl_lists.this_update`,
            ),
        ),
    ),
    recordPublished: prepareQuery((p: ParameterOf<{ issuer: string; at: string; through: number }>) =>
      db
        .updateTable('crls')
        .set({ published_at: p('at'), published_through: p('through') })
        .where('issuer_key_id', '=', p('issuer')),
    ),
    dropExpired: prepareQuery((p: ParameterOf<{ at: string }>) =>
      db
        .updateTable('revocations')
        .set({ dropped: 1 })
        .where('dropped', '=', sql.lit(0))
        .where('not_after', '<', p('at'))
        .where((outer) =>
          outer.not(
            outer.exists(
              outer
                .selectFrom('crls')
                .select('crls.issuer_key_id')
                .where((eb) =>
                  eb.or([
                    eb('crls.published_at', 'is', null),
                    eb('crls.published_at', '<=', eb.ref('revocations.not_after')),
                    eb('crls.published_through', '<', eb.ref('revocations.change')),
                  ]),
                ),
            ),
          ),
        ),
    ),
  };
}
