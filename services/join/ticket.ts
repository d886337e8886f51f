import type { Bytes } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';
import { seal, type SealingKey, unseal } from '#core/sealing.ts';

import { decodeTicketFacts, encodeTicketFacts, type TicketFacts } from './ticket-facts.ts';

/** Seconds that a ticket lives. */
export const TICKET_LIFETIME_SECONDS = 60;
/** Bytes of EK certificates that one ticket can carry: with them it still fits the field that a join brings it back in. */
export const TICKET_CERTIFICATES_MAX_BYTES = 14_336;

const PURPOSE = 'muster-ticket-v1';

/** The sealed facts: nobody without the key can read or change them. */
export const sealTicket = (facts: TicketFacts, key: SealingKey, random: RandomSource): Bytes =>
  seal(encodeTicketFacts(facts), key, PURPOSE, random);

/** Why a ticket is worth nothing, for the audit log. The caller is told `challenge-invalid` for each. */
export type TicketFault = 'not-ours' | 'expired' | 'other-origin' | 'other-policy';

export type OpenedTicket =
  | { readonly ok: true; readonly facts: TicketFacts }
  | { readonly ok: false; readonly fault: TicketFault };

/**
 * The facts of a ticket that one of these keys sealed, that has not expired at `now`, that was given to a caller at `origin`, and under the
 * policy that is in force. Does not establish that the ticket is used for the first time: that is the store's.
 */
export function openTicket(
  ticket: Bytes,
  expected: {
    readonly keys: readonly SealingKey[];
    readonly now: Date;
    readonly origin: string;
    readonly policyVersion: string;
  },
): OpenedTicket {
  const plaintext = unseal(ticket, expected.keys, PURPOSE);
  if (plaintext === undefined) return { ok: false, fault: 'not-ours' };
  const facts = decodeTicketFacts(plaintext);
  if (expected.now >= facts.expiresAt) return { ok: false, fault: 'expired' };
  if (facts.origin !== expected.origin) return { ok: false, fault: 'other-origin' };
  if (facts.policyVersion !== expected.policyVersion) return { ok: false, fault: 'other-policy' };
  return { ok: true, facts };
}
