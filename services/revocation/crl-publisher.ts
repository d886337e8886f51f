import { toHex } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { signCrl } from '#pki/crl.ts';
import { isSignedBy } from '#pki/is-signed-by.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { wholeSecond } from '#pki/revocation.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import type { CrlList } from '#services/store/crl-lists.ts';
import type { RevocationPlace } from '#services/store/revocations.ts';
import type { Store } from '#services/store/store.ts';

import type { CrlBuilder } from './crl-builder.ts';

type RevocationStore = Pick<
  Store,
  | 'newestRevocationChange'
  | 'listRevocations'
  | 'publishedCrl'
  | 'takeCrlNumber'
  | 'recordCrl'
  | 'crlListNumber'
  | 'findCrlList'
>;

export interface CrlPublisherDeps {
  readonly authority: Authority;
  readonly store: RevocationStore;
  readonly now: Clock;
  /** The number of the term in which this process leads; undefined: it does not. */
  readonly term: () => number | undefined;
  /** An empty builder for the authority. */
  readonly openBuilder: () => CrlBuilder;
}

/** How long a list is good for: what relying parties have while the service is away. */
export const CRL_VALID_MS = 24 * 3_600_000;
/** A list is replaced when it is this old, also when nothing was revoked. */
export const CRL_RENEW_MS = 3_600_000;
const PAGE = 1_000;

/** One issuer's list: signed and put on record by the process that leads, and served by all from there. */
export interface CrlPublisher extends AsyncDisposable {
  readonly issuerKeyId: string;
  /** Undefined until there is one. Of an issuer's lists a later answer is never an earlier one. */
  current(): CrlList | undefined;
  /**
   * Where this process leads: on resolution `current` is of its term, tells of every revocation that was committed before the call, and is not
   * older than `CRL_RENEW_MS`. Where it does not: `current` is the newest on record, and this issuer signed it. Not to be called again before it
   * has settled. When it rejects, the list that was served before still is.
   */
  refresh(): Promise<void>;
}

/** What the process that leads keeps from one list to the next. */
interface Making {
  readonly term: number;
  readonly builder: CrlBuilder;
  upTo: RevocationPlace | undefined;
  /** Whether a list of this term is served. */
  hasServed: boolean;
}

/** A publisher that has nothing yet. Serials are unique over every issuer, so each one's list may name all of them. */
export function crlPublisher({ authority, store, now, term, openBuilder }: CrlPublisherDeps): CrlPublisher {
  const { certificate, signer } = authority;
  const issuerKeyId = toHex(certificate.extensions.subjectKeyIdentifier ?? keyIdentifier(certificate.publicKey));
  let served: CrlList | undefined;
  let making: Making | undefined;

  /** What the builder has is of this term alone: what others signed meanwhile is not known to it. */
  async function stopMaking(): Promise<void> {
    const { builder } = making ?? {};
    making = undefined;
    await builder?.[Symbol.asyncDispose]();
  }

  async function catchUp(made: Making, at: Date): Promise<void> {
    for (;;) {
      const page = await store.listRevocations(made.upTo, PAGE);
      if (page.length > 0) await made.builder.put(page, at);
      made.upTo = page.at(-1) ?? made.upTo;
      if (page.length < PAGE) return;
    }
  }

  async function publish(made: Making): Promise<void> {
    const before = await store.publishedCrl(issuerKeyId);
    const thisUpdate = wholeSecond(later(now(), before?.thisUpdate));
    await catchUp(made, thisUpdate);
    const number = await store.takeCrlNumber(issuerKeyId, thisUpdate);
    const nextUpdate = new Date(thisUpdate.getTime() + CRL_VALID_MS);
    const previous =
      served === undefined ? undefined : { number: BigInt(served.number), thisUpdate: served.thisUpdate };
    const { tbs, size } = await made.builder.prepare({ number: BigInt(number), thisUpdate, nextUpdate, previous });
    const der = await signCrl(tbs, signer);
    // What was dropped since the list before is not listed again, and was told of by that one.
    const through = Math.max(made.upTo?.change ?? 0, before?.through ?? 0);
    const list = { issuerKeyId, der, number, thisUpdate, nextUpdate, entries: size, through };
    // Before it is served: a leader that was overtaken is refused here, and its list is seen by nobody.
    await store.recordCrl(list, made.term);
    served = list;
    made.hasServed = true;
    await made.builder.forgetServed({ thisUpdate, through });
  }

  async function lead(inTerm: number): Promise<void> {
    if (making !== undefined && making.term !== inTerm) await stopMaking();
    making ??= { term: inTerm, builder: openBuilder(), upTo: undefined, hasServed: false };
    const isDue =
      !making.hasServed || served === undefined || now().getTime() - served.thisUpdate.getTime() >= CRL_RENEW_MS;
    if (!isDue && served !== undefined && served.through >= (await store.newestRevocationChange())) return;
    try {
      await publish(making);
    } catch (error) {
      // What the builder has is not known any more: the next one starts from the store.
      await stopMaking();
      throw error;
    }
  }

  async function follow(): Promise<void> {
    await stopMaking();
    if ((await store.crlListNumber(issuerKeyId)) <= (served?.number ?? 0)) return;
    const list = await store.findCrlList(issuerKeyId);
    if (list === undefined) return;
    if (!isSignedBy(list.der, certificate)) throw new Error('the revocation list on record is not the issuer’s');
    served = list;
  }

  return {
    issuerKeyId,
    current: () => served,
    refresh: () => {
      const inTerm = term();
      return inTerm === undefined ? follow() : lead(inTerm);
    },
    [Symbol.asyncDispose]: stopMaking,
  };
}

const later = (a: Date, b: Date | undefined): Date => (b !== undefined && b > a ? b : a);
