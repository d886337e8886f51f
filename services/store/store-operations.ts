import type { AuditEvent } from '#core/audit-record.ts';

import type { ContactReader, ContactWriter } from './contact-store.ts';
import type { CertificateRecord, StoreReader, StoreWriter } from './store.ts';

/** The store with nothing but values going in and out, so that the two sides may be different threads. */
export interface StoreOperations
  extends StoreReader, ContactReader, Omit<StoreWriter, 'orphanUnfinished'>, ContactWriter {
  /** Every certificate in state `signing`, in order of serial. */
  listSigning(): Promise<readonly CertificateRecord[]>;
}

/** `StoreWriter.orphanUnfinished`, from the operations, for the intents that `isAbandoned` says nobody works on any more. */
export async function orphanUnfinished(
  store: StoreOperations,
  toEvent: (intent: CertificateRecord) => AuditEvent,
  isAbandoned: (intent: CertificateRecord) => boolean = () => true,
): Promise<readonly CertificateRecord[]> {
  const unfinished = (await store.listSigning()).filter(isAbandoned);
  const orphaned = await store.orphanSerials(
    unfinished.map((intent) => ({ serial: intent.serial, event: toEvent(intent) })),
  );
  const serials = new Set(orphaned);
  return unfinished.filter(({ serial }) => serials.has(serial)).map((intent) => ({ ...intent, state: 'orphaned' }));
}
