import { type Bytes, concatBytes } from '#core/bytes.ts';

import { MAX_DIGEST_SIZE, RH, TAG } from '../constants.ts';
import type { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';

/** TPMT_TK_*: the TPM's note to itself that it did something. Means nothing to anyone else. */
export interface Ticket {
  readonly tag: number;
  readonly hierarchy: number;
  readonly digest: Bytes;
}

/** The ticket of a digest that the TPM did not compute. */
export const NULL_HASHCHECK: Ticket = { tag: TAG.hashCheck, hierarchy: RH.null, digest: concatBytes() };

/** A ticket of any kind. */
export function readTicket(reader: Reader): Ticket {
  return { tag: reader.u16(), hierarchy: reader.u32(), digest: reader.sized(MAX_DIGEST_SIZE) };
}

/** Writes what `readTicket` reads. */
export function writeTicket(writer: Writer, ticket: Ticket): Writer {
  return writer.u16(ticket.tag).u32(ticket.hierarchy).sized(ticket.digest);
}
