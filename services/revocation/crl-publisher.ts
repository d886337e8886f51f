import { type Bytes, toHex } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { signCrl } from '#pki/crl.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { wholeSecond } from '#pki/revocation.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import type { PublishedCrl, RevocationPlace } from '#services/store/revocations.ts';
import type { Store } from '#services/store/store.ts';

import type { CrlBuilder } from './crl-builder.ts';

/** A list as it is served. */
export interface ServedCrl {
  /** The issuing key's identifier, lower-case hex. */
  readonly issuerKeyId: string;
  readonly der: Bytes;
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly entries: number;
  /** The newest change that it tells of. */
  readonly through: number;
}

type RevocationStore = Pick<
  Store,
  'newestRevocationChange' | 'listRevocations' | 'publishedCrl' | 'takeCrlNumber' | 'recordCrl'
>;

export interface CrlPublisherDeps {
  readonly authority: Authority;
  readonly store: RevocationStore;
  readonly now: Clock;
  /** An empty builder for the authority. */
  readonly openBuilder: () => CrlBuilder;
}

/** How long a list is good for: what relying parties have while the service is away. */
export const CRL_VALID_MS = 24 * 3_600_000;
/** A list is replaced when it is this old, also when nothing was revoked. */
export const CRL_RENEW_MS = 3_600_000;
const PAGE = 1_000;

/** One issuer's list, kept up with the store. */
export interface CrlPublisher extends AsyncDisposable {
  readonly issuerKeyId: string;
  /** Undefined until the first was signed. */
  current(): ServedCrl | undefined;
  /**
   * On resolution `current` tells of every revocation that was committed before the call, and is not older than `CRL_RENEW_MS`. Not to be called again
   * before it has settled. When it rejects, the list that was served before still is.
   */
  refresh(): Promise<void>;
}

/** A publisher that has nothing yet. Serials are unique over every issuer, so each one's list may name all of them. */
export function crlPublisher({ authority, store, now, openBuilder }: CrlPublisherDeps): CrlPublisher {
  const { certificate, signer } = authority;
  const issuerKeyId = toHex(certificate.extensions.subjectKeyIdentifier ?? keyIdentifier(certificate.publicKey));
  let served: ServedCrl | undefined;
  let kept: { readonly builder: CrlBuilder; readonly upTo: RevocationPlace | undefined } | undefined;

  async function catchUp(at: Date): Promise<NonNullable<typeof kept>> {
    const builder = kept?.builder ?? openBuilder();
    let upTo = kept?.upTo;
    kept = { builder, upTo };
    for (;;) {
      const page = await store.listRevocations(upTo, PAGE);
      if (page.length > 0) await builder.put(page, at);
      upTo = page.at(-1) ?? upTo;
      kept = { builder, upTo };
      if (page.length < PAGE) return kept;
    }
  }

  async function publish(): Promise<void> {
    const before: Pick<PublishedCrl, 'thisUpdate'> | undefined = served ?? (await store.publishedCrl(issuerKeyId));
    const thisUpdate = wholeSecond(later(now(), before?.thisUpdate));
    const { builder, upTo } = await catchUp(thisUpdate);
    const number = await store.takeCrlNumber(issuerKeyId, thisUpdate);
    const nextUpdate = new Date(thisUpdate.getTime() + CRL_VALID_MS);
    const previous =
      served === undefined ? undefined : { number: BigInt(served.number), thisUpdate: served.thisUpdate };
    const { tbs, size } = await builder.prepare({ number: BigInt(number), thisUpdate, nextUpdate, previous });
    const der = await signCrl(tbs, signer);
    const through = upTo?.change ?? 0;
    served = { issuerKeyId, der, number, thisUpdate, nextUpdate, entries: size, through };
    // Only now: what was never served has told nobody.
    await store.recordCrl(issuerKeyId, { thisUpdate, through });
    await builder.forgetServed({ thisUpdate, through });
  }

  return {
    issuerKeyId,
    current: () => served,
    refresh: async () => {
      const newest = await store.newestRevocationChange();
      const isDue = served === undefined || now().getTime() - served.thisUpdate.getTime() >= CRL_RENEW_MS;
      if (!isDue && served !== undefined && served.through >= newest) return;
      try {
        await publish();
      } catch (error) {
        // What the builder has is not known any more: the next one starts from the store.
        const { builder } = kept ?? {};
        kept = undefined;
        await builder?.[Symbol.asyncDispose]();
        throw error;
      }
    },
    [Symbol.asyncDispose]: async () => {
      await kept?.builder[Symbol.asyncDispose]();
    },
  };
}

const later = (a: Date, b: Date | undefined): Date => (b !== undefined && b > a ? b : a);
