import { setImmediate as nextTurn } from 'node:timers/promises';

import { type Bytes, concatBytes } from '#core/bytes.ts';
import type { Serial } from '#core/ids.ts';

import { serialBytes } from './serial.ts';
import { element, sequence, time, unsignedInteger } from './x509/der-writer.ts';
import { extension } from './x509/extension-writer.ts';
import { TAG } from './x509/der-tags.ts';
import { EXTENSION } from './x509/oids.ts';

/**
 * Why a certificate is revoked, with its CRLReason (RFC 5280 §5.3.1). Left out: certificateHold and removeFromCRL, because nothing here is
 * revoked for a while, and aACompromise, because there are no attribute certificates.
 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** One certificate that is not to be trusted any more. */
export interface Revocation {
  readonly serial: Serial;
  /** To the second; a fraction is dropped. */
  readonly revokedAt: Date;
  readonly reason: RevocationReason;
}

/** Entries encoded in one go before other work gets its turn: about 3 ms. */
const CHUNK = 1_000;

/** True for a reason that a certificate is revoked for here. */
export function isRevocationReason(text: string): text is RevocationReason {
  return Object.hasOwn(REVOCATION_REASONS, text);
}

/** By reason: the entry's extensions. `unspecified` has none (RFC 5280 §5.3.1). */
const ENTRY_EXTENSIONS: ReadonlyMap<RevocationReason, readonly Bytes[]> = new Map(
  Object.keys(REVOCATION_REASONS)
    .filter(isRevocationReason)
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

function entryExtensions(reason: RevocationReason): readonly Bytes[] {
  if (reason === 'unspecified') return [];
  const value = element(TAG.enumerated, Buffer.of(REVOCATION_REASONS[reason]));
  return [sequence(extension(EXTENSION.reasonCode, false, value))];
}
