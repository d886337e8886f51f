import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

import { type Bytes, concatBytes, equalBytes, fromHex, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';
import { Secret } from '#core/secret.ts';

import { decodeTicketFacts, encodeTicketFacts, type TicketFacts } from './ticket-facts.ts';

/** Seconds that a ticket lives. */
export const TICKET_LIFETIME_SECONDS = 60;
/** Bytes of EK certificates that one ticket can carry: with them it still fits the field that a join brings it back in. */
export const TICKET_CERTIFICATES_MAX_BYTES = 14_336;

/** The key that tickets are sealed with, and the name it goes by in them. Every replica has the same. */
export interface TicketKey {
  /** 8 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly secret: Secret<Bytes>;
}

/** Version 1: a key for each ticket from HMAC-SHA-256 over its salt, AES-256-GCM under that key. */
const VERSION = Uint8Array.of(1);
const LABEL = utf8('muster-ticket-v1\0');
const KEY_ID_BYTES = 8;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = VERSION.byteLength + KEY_ID_BYTES;

/** The key in a ticket key file: 64 characters of lower-case hex on one line. Throws RangeError on anything else. */
export function parseTicketKey(file: Bytes): TicketKey {
  const key = fromHex(Buffer.from(file).toString('latin1').replace(/\n$/, ''));
  if (key.byteLength !== 32) throw new RangeError('a ticket key is 32 bytes in hex');
  return { id: sha256(concatBytes(LABEL, key)).subarray(0, KEY_ID_BYTES), secret: new Secret(key) };
}

/** The sealed facts: nobody without the key can read or change them. */
export function sealTicket(facts: TicketFacts, key: TicketKey, random: RandomSource): Bytes {
  const header = concatBytes(VERSION, key.id);
  const salt = random(SALT_BYTES);
  const iv = random(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', ticketCipherKey(key, salt), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(header);
  const sealed = concatBytes(cipher.update(encodeTicketFacts(facts)), cipher.final());
  return concatBytes(header, salt, iv, sealed, cipher.getAuthTag());
}

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
  const plaintext = unseal(ticket, expected.key);
  if (plaintext === undefined) return { ok: false, fault: 'not-ours' };
  const facts = decodeTicketFacts(plaintext);
  if (expected.now >= facts.expiresAt) return { ok: false, fault: 'expired' };
  if (facts.origin !== expected.origin) return { ok: false, fault: 'other-origin' };
  if (facts.policyVersion !== expected.policyVersion) return { ok: false, fault: 'other-policy' };
  return { ok: true, facts };
}

function unseal(ticket: Bytes, key: TicketKey): Bytes | undefined {
  const sealedAt = HEADER_BYTES + SALT_BYTES + IV_BYTES;
  if (ticket.byteLength < sealedAt + TAG_BYTES) return undefined;
  const header = ticket.subarray(0, HEADER_BYTES);
  if (!equalBytes(header, concatBytes(VERSION, key.id))) return undefined;
  const salt = ticket.subarray(HEADER_BYTES, HEADER_BYTES + SALT_BYTES);
  const iv = ticket.subarray(HEADER_BYTES + SALT_BYTES, sealedAt);
  const decipher = createDecipheriv('aes-256-gcm', ticketCipherKey(key, salt), iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(header);
  decipher.setAuthTag(ticket.subarray(-TAG_BYTES));
  const plaintext = decipher.update(ticket.subarray(sealedAt, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}

/**
 * A key of its own for each ticket: replicas share the file's key for years, and random 96-bit IVs under one key would repeat within
 * the number of tickets they seal (NIST SP 800-38D §8.3).
 */
const ticketCipherKey = (key: TicketKey, salt: Bytes): Bytes =>
  createHmac('sha256', key.secret.reveal()).update(LABEL).update(salt).digest();
