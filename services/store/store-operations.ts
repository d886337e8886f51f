import type { AuditEvent } from '#core/audit-record.ts';

import type { ContactReader, ContactWriter } from './contact-store.ts';
import type { CertificateRecord, StoreReader, StoreWriter } from './store.ts';

/** The store with nothing but values going in and out, so that the two sides may be different threads. */
export interface StoreOperations
  extends StoreReader, ContactReader, Omit<StoreWriter, 'orphanUnfinished'>, ContactWriter {
  /** Every certificate in state `signing`, in order of serial. */
  listSigning(): Promise<readonly CertificateRecord[]>;
}

/**
 * A process may be signing right now. What began this long ago is nobody's any more: a certificate's notBefore is backdated five minutes, and no
 * signature takes five more.
 */
export const UNFINISHED_AFTER_MS = 600_000;

/** `StoreWriter.orphanUnfinished`, from the operations. */
export async function orphanUnfinished(
  store: StoreOperations,
  toEvent: (intent: CertificateRecord) => AuditEvent,
  begunBefore: Date | undefined,
): Promise<readonly CertificateRecord[]> {
  const unfinished = (await store.listSigning()).filter(
    ({ notBefore }) => begunBefore === undefined || notBefore < begunBefore,
  );
  const orphaned = await store.orphanSerials(
    unfinished.map((intent) => ({ serial: intent.serial, event: toEvent(intent) })),
  );
  const serials = new Set(orphaned);
  return unfinished.filter(({ serial }) => serials.has(serial)).map((intent) => ({ ...intent, state: 'orphaned' }));
}
