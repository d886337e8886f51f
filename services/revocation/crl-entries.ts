import type { Bytes } from '#core/bytes.ts';
import type { Serial } from '#core/ids.ts';
import { encodeCrlEntry } from '#pki/revocation.ts';
import type { PublishedCrl, RevocationRecord } from '#services/store/revocations.ts';

interface Entry {
  readonly der: Bytes;
  readonly notAfter: number;
  readonly change: number;
}

/** Everything that stands on one issuer's list, each entry encoded once. */
export class CrlEntries {
  readonly #entries = new Map<Serial, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Takes changes in their order. `now`: no entry may be later than the list that it stands on, whatever another machine's clock said. */
  put(records: readonly RevocationRecord[], now: Date): void {
    for (const { serial, notAfter, reason, revokedAt, change } of records) {
      this.#entries.delete(serial);
      if (reason === 'removeFromCRL') continue;
      const der = encodeCrlEntry({ serial, reason, revokedAt: revokedAt < now ? revokedAt : now });
      this.#entries.set(serial, { der, notAfter: notAfter.getTime(), change });
    }
  }

  /** Forgets what stood, past its expiry, in a list that was served (RFC 5280 §3.3). Nothing else ever leaves but a hold that ends. */
  forgetServed({ thisUpdate, through }: PublishedCrl): void {
    for (const [serial, { notAfter, change }] of this.#entries) {
      if (notAfter < thisUpdate.getTime() && change <= through) this.#entries.delete(serial);
    }
  }

  /** The entries' DER, ready to be joined. */
  pieces(): readonly Bytes[] {
    return Array.from(this.#entries.values(), ({ der }) => der);
  }
}
