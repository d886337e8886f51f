import type { Kysely } from 'kysely';

import type { RequestId, Serial, TicketId } from '#core/ids.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Schema, TicketsTable } from './schema.ts';

export type TicketQueries = ReturnType<typeof ticketQueries>;

type TakenColumns = Omit<TicketsTable, 'serial'>;

/** The tickets' queries, compiled for `db`'s dialect. */
export function ticketQueries(db: Kysely<Schema>) {
  return {
    /** One row affected for the first caller; none for every other. The primary key decides, not a look-up. */
    take: prepareQuery((p: ParameterOf<TakenColumns>) =>
      db
        .insertInto('tickets')
        .values({
          ticket_id: p('ticket_id'),
          request_digest: p('request_digest'),
          request_id: p('request_id'),
          expires_at: p('expires_at'),
        })
        .onConflict((conflict) => conflict.column('ticket_id').doNothing()),
    ),
    find: prepareQuery((p: ParameterOf<{ ticketId: TicketId }>) =>
      db
        .selectFrom('tickets')
        .select(['request_digest', 'request_id', 'serial'])
        .where('ticket_id', '=', p('ticketId')),
    ),
    /** One row affected when `requestId` took the ticket and has no serial for it yet. */
    spendOn: prepareQuery((p: ParameterOf<{ ticketId: TicketId; requestId: RequestId; serial: Serial }>) =>
      db
        .updateTable('tickets')
        .set({ serial: p('serial') })
        .where('ticket_id', '=', p('ticketId'))
        .where('request_id', '=', p('requestId'))
        .where('serial', 'is', null),
    ),
    forget: prepareQuery((p: ParameterOf<{ before: string }>) =>
      db.deleteFrom('tickets').where('expires_at', '<', p('before')),
    ),
  };
}
