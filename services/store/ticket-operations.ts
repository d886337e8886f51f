import type { Executor } from './prepared-query.ts';
import { certificateFromRow } from './rows.ts';
import type { StoreOperations } from './store-operations.ts';
import type { StoreParts } from './store-parts.ts';
import type { TicketTake, TicketTaken } from './store.ts';

type TicketOperations = Pick<StoreOperations, 'takeTicket' | 'forgetTickets'>;

/** Tickets that were taken. */
export function ticketOperations(parts: StoreParts): TicketOperations {
  const {
    transact,
    queries: { tickets },
  } = parts;
  return {
    takeTicket: (take) =>
      transact(async (tx): Promise<TicketTaken> => {
        const { affected } = await tickets.take(tx, {
          ticket_id: take.ticketId,
          request_digest: take.requestDigest,
          request_id: take.requestId,
          expires_at: take.expiresAt.toISOString(),
        });
        return affected === 1 ? { kind: 'fresh' } : takenBefore(tx, parts, take);
      }),

    forgetTickets: (before) =>
      transact(async (tx) => (await tickets.forget(tx, { before: before.toISOString() })).affected),
  };
}

async function takenBefore(
  tx: Executor,
  { queries: { tickets, certificates, audit } }: StoreParts,
  take: TicketTake,
): Promise<TicketTaken> {
  const [ticket] = (await tickets.find(tx, { ticketId: take.ticketId })).rows;
  if (ticket === undefined || ticket.request_digest !== take.requestDigest) return { kind: 'spent' };
  if (ticket.serial === null) {
    // What a join leaves on record before it has a serial is its refusal.
    const outcome = await audit.readOfRequest(tx, { requestId: ticket.request_id });
    return { kind: outcome.rows.length === 0 ? 'in-progress' : 'spent' };
  }
  const [row] = (await certificates.find(tx, { serial: ticket.serial })).rows;
  if (row?.state === 'signing') return { kind: 'in-progress' };
  return row?.state === 'issued' ? { kind: 'repeat', certificate: certificateFromRow(row) } : { kind: 'spent' };
}
