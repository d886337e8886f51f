import { setImmediate as nextTurn } from 'node:timers/promises';

import { type Bytes, concatBytes } from '#core/bytes.ts';
import type { Serial } from '#core/ids.ts';
import { isListedReason, LISTED_REASONS, type ListedReason } from '#core/revocation-reason.ts';

import { serialBytes } from './serial.ts';
import { element, sequence, time, unsignedInteger } from './x509/der-writer.ts';
import { extension } from './x509/extension-writer.ts';
import { TAG } from './x509/der-tags.ts';
import { EXTENSION } from './x509/oids.ts';

/** One certificate that is not to be trusted any more, or for a while. */
export interface Revocation {
  readonly serial: Serial;
  /** To the second; a fraction is dropped. */
  readonly revokedAt: Date;
  readonly reason: ListedReason;
}

/** Entries encoded in one go before other work gets its turn: about 3 ms. */
const CHUNK = 1_000;

/** By reason: the entry's extensions. `unspecified` has none (RFC 5280 §5.3.1). */
const ENTRY_EXTENSIONS: ReadonlyMap<ListedReason, readonly Bytes[]> = new Map(
  Object.keys(LISTED_REASONS)
    .filter(isListedReason)
    .map((reason) => [reason, entryExtensions(reason)]),
);

/** DER of one entry of a CRL's revokedCertificates. It does not change any more, so it can be kept. */
export function encodeCrlEntry({ serial, revokedAt, reason }: Revocation): Bytes {
  return sequence(
    unsignedInteger(serialBytes(serial)),
    time(wholeSecond(revokedAt)),
    ...(ENTRY_EXTENSIONS.get(reason) ?? []),
  );
}

/** The entries of `revocations`, one after the other. Lets other work have its turn between chunks. */
export async function encodeCrlEntries(revocations: Iterable<Revocation>): Promise<Bytes> {
  const chunks: Bytes[] = [];
  let chunk: Bytes[] = [];
  for (const revocation of revocations) {
    chunk.push(encodeCrlEntry(revocation));
    if (chunk.length < CHUNK) continue;
    chunks.push(concatBytes(...chunk));
    chunk = [];
    await nextTurn();
  }
  return concatBytes(...chunks, ...chunk);
}

/** `date` without its fraction of a second. */
export const wholeSecond = (date: Date): Date => new Date(Math.floor(date.getTime() / 1_000) * 1_000);

function entryExtensions(reason: ListedReason): readonly Bytes[] {
  if (reason === 'unspecified') return [];
  const value = element(TAG.enumerated, Buffer.of(LISTED_REASONS[reason]));
  return [sequence(extension(EXTENSION.reasonCode, false, value))];
}
