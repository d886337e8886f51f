import { type Bytes, concatBytes, fromHex, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';
import { seal, type SealingKey, unseal } from '#core/sealing.ts';
import { Secret } from '#core/secret.ts';

import { decodeTicketFacts, encodeTicketFacts, type TicketFacts } from './ticket-facts.ts';

/** Seconds that a ticket lives. */
export const TICKET_LIFETIME_SECONDS = 60;
/** Bytes of EK certificates that one ticket can carry: with them it still fits the field that a join brings it back in. */
export const TICKET_CERTIFICATES_MAX_BYTES = 14_336;

/** The key that tickets are sealed with. */
export type TicketKey = SealingKey;

const PURPOSE = 'muster-ticket-v1';
const LABEL = utf8(`${PURPOSE}\0`);
const KEY_ID_BYTES = 8;

/** The key in a ticket key file: 64 characters of lower-case hex on one line. Throws RangeError on anything else. */
export function parseTicketKey(file: Bytes): TicketKey {
  const key = fromHex(Buffer.from(file).toString('latin1').replace(/\n$/, ''));
  if (key.byteLength !== 32) throw new RangeError('a ticket key is 32 bytes in hex');
  return { id: sha256(concatBytes(LABEL, key)).subarray(0, KEY_ID_BYTES), secret: new Secret(key) };
}

/** The sealed facts: nobody without the key can read or change them. */
export const sealTicket = (facts: TicketFacts, key: TicketKey, random: RandomSource): Bytes =>
  seal(encodeTicketFacts(facts), key, PURPOSE, random);

/** Why a ticket is worth nothing, for the audit log. The caller is told `challenge-invalid` for each. */
export type TicketFault = 'not-ours' | 'expired' | 'other-origin' | 'other-policy';

export type OpenedTicket =
  | { readonly ok: true; readonly facts: TicketFacts }
  | { readonly ok: false; readonly fault: TicketFault };

/**
 * The facts of a ticket that this key sealed, that has not expired at `now`, that was given to a caller at `origin`, and under the
 * policy that is in force. Does not establish that the ticket is used for the first time: that is the store's.
 */
export function openTicket(
  ticket: Bytes,
  expected: { readonly key: TicketKey; readonly now: Date; readonly origin: string; readonly policyVersion: string },
): OpenedTicket {
  const plaintext = unseal(ticket, expected.key, PURPOSE);
  if (plaintext === undefined) return { ok: false, fault: 'not-ours' };
  const facts = decodeTicketFacts(plaintext);
  if (expected.now >= facts.expiresAt) return { ok: false, fault: 'expired' };
  if (facts.origin !== expected.origin) return { ok: false, fault: 'other-origin' };
  if (facts.policyVersion !== expected.policyVersion) return { ok: false, fault: 'other-policy' };
  return { ok: true, facts };
}
