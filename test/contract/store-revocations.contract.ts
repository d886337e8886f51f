import { beforeEach, describe, expect, test } from 'vitest';

import type { RevocationReason } from '#core/revocation-reason.ts';
import type { CrlList } from '#services/store/crl-lists.ts';
import { StoreConflictError } from '#services/store/store-conflict-error.ts';
import {
  afterNoon,
  labEnrolment,
  labEvent,
  labIntent,
  labIssued,
  labJoin,
  labNodeName,
  labOutcome,
  labSerial,
  labTake,
  NOON,
} from '#test/lab/store-values.ts';

import type { Current } from './store.contract.ts';

const ISSUER = 'ab'.repeat(20);
const OTHER = 'cd'.repeat(20);

const labList = (issuerKeyId: string, override: Partial<CrlList> = {}): CrlList => ({
  issuerKeyId,
  der: Uint8Array.of(1, 2, 3),
  number: 1,
  thisUpdate: NOON,
  nextUpdate: afterNoon(86_400),
  entries: 0,
  through: 0,
  ...override,
});

/** The revocation list, and the series of lists that were published. */
export function revocationContract(current: Current): void {
  const reserve = async (n: number) => {
    const { store } = current();
    await store.takeTicket(labTake(n));
    await store.reserveSerial(labIntent(n), labTake(n).ticketId, labEvent({ type: 'certificate.signing' }));
  };
  const issue = async (n: number) => {
    await reserve(n);
    await current().store.recordIssued(labIssued(n), labJoin(n), labEvent({ type: 'certificate.issued' }));
  };
  const revoke = (ns: readonly number[], reason: RevocationReason = 'keyCompromise', at = NOON) =>
    current().store.revokeCertificates({
      at,
      reason,
      certificates: ns.map((n) => ({ serial: labSerial(n), event: labEvent({ nodeName: labNodeName(n) }) })),
    });
  const head = async () => (await current().store.auditHead()).sequence;
  const listed = async () => (await current().store.listRevocations(undefined, 10)).map(({ serial }) => serial);

  describe('of revocations,', () => {
    beforeEach(async () => {
      await current().store.enrolNodes(
        [1, 2, 3].map((n) => labEnrolment(n)),
        'admin:alice',
        NOON,
        [],
      );
      await issue(1);
      await issue(2);
    });

    test('revokes a certificate with its event', async () => {
      const { store } = current();
      expect(await revoke([1])).toEqual({ ok: true });
      expect(await store.findCertificate(labSerial(1))).toMatchObject({ state: 'revoked' });
      const change = await head();
      expect(await store.newestRevocationChange()).toBe(change);
      const { notAfter } = labIntent(1);
      const record = { serial: labSerial(1), notAfter, reason: 'keyCompromise', revokedAt: NOON, change };
      expect(await store.findRevocation(labSerial(1))).toEqual(record);
      expect(await store.findRevocation(labSerial(2))).toBeUndefined();
      expect(await store.listRevocations(undefined, 10)).toEqual([record]);
    });

    test.for<[string, readonly number[], number, object]>([
      ['one it does not know', [1, 9], 0, { index: 1, why: 'unknown' }],
      ['one that is revoked', [2, 1], 0, { index: 0, why: 'revoked' }],
      ['one that has expired', [1], 28_801, { index: 0, why: 'expired' }],
    ])('revokes none where it is given %s', async ([, ns, seconds, refused]) => {
      await revoke([2]);
      const before = await head();
      expect(await revoke(ns, 'superseded', afterNoon(seconds))).toEqual({ ok: false, refused: [refused] });
      expect([await head(), await current().store.findRevocation(labSerial(1))]).toEqual([before, undefined]);
    });

    test('takes a certificate once only', async () => {
      expect(await labOutcome(revoke([1, 1]))).toBe('RangeError');
      expect(await listed()).toEqual([]);
    });

    test('lists what it orphaned as superseded', async () => {
      await reserve(3);
      await current().store.orphanUnfinished(() => labEvent({ at: afterNoon(5) }));
      expect(await current().store.findRevocation(labSerial(3))).toMatchObject({
        reason: 'superseded',
        revokedAt: afterNoon(5),
        change: await head(),
      });
    });

    test('finds a certificate by its fingerprint', async () => {
      const { store } = current();
      const { fingerprint } = labIssued(2);
      expect(await store.findCertificateByFingerprint(fingerprint)).toMatchObject({ serial: labSerial(2) });
      expect(await store.findCertificateByFingerprint(labIssued(3, { der: Buffer.of(1) }).fingerprint)).toBeUndefined();
    });

    test('tells of changes in pages, in the order in which they were made', async () => {
      const { store } = current();
      await issue(3);
      await revoke([2]);
      await revoke([3, 1]);
      const all = await store.listRevocations(undefined, 10);
      expect(all.map(({ change }) => change)).toEqual(all.map(({ change }) => change).toSorted((a, b) => a - b));
      expect(new Set(all.map(({ serial }) => serial)).size).toBe(3);
      const paged = [];
      for (let after = undefined, page = await store.listRevocations(undefined, 1); page.length > 0;) {
        paged.push(...page);
        after = page.at(-1);
        page = await store.listRevocations(after, 1);
      }
      expect(paged).toEqual(all);
    });

    test('pages certificates in order of serial, of a node or in a state', async () => {
      const { store } = current();
      await revoke([2]);
      const serials = [labSerial(1), labSerial(2)].toSorted();
      const page = async (filter: object, after?: ReturnType<typeof labSerial>) =>
        (await store.pageCertificates(filter, { after, limit: 10 })).map(({ serial }) => serial);
      expect(await page({})).toEqual(serials);
      expect(await page({}, serials[0])).toEqual(serials.slice(1));
      expect(await page({ state: 'revoked' })).toEqual([labSerial(2)]);
      expect(await page({ nodeName: labNodeName(1) })).toEqual([labSerial(1)]);
      expect(await page({ nodeName: labNodeName(1), state: 'revoked' })).toEqual([]);
    });

    test('gives each list a higher number, not below the time', async () => {
      const { store } = current();
      const first = await store.takeCrlNumber(ISSUER, NOON);
      expect(first).toBe(NOON.getTime());
      expect(await store.takeCrlNumber(ISSUER, NOON)).toBe(first + 1);
      expect(await store.takeCrlNumber(ISSUER, afterNoon(-3_600))).toBe(first + 2);
      expect(await store.takeCrlNumber(ISSUER, afterNoon(1))).toBe(first + 1_000);
      expect(await store.takeCrlNumber(OTHER, NOON)).toBe(first);
      const many = await Promise.all(Array.from({ length: 20 }, () => store.takeCrlNumber(ISSUER, NOON)));
      expect(new Set(many).size).toBe(20);
    });

    test('remembers which list was served last', async () => {
      const { store } = current();
      expect(await store.publishedCrl(ISSUER)).toBeUndefined();
      await store.takeCrlNumber(ISSUER, NOON);
      expect(await store.publishedCrl(ISSUER)).toBeUndefined();
      const term = await store.beginTerm();
      await store.recordCrl(labList(ISSUER, { number: 3, through: 7 }), term);
      expect(await store.publishedCrl(ISSUER)).toEqual({ thisUpdate: NOON, through: 7 });
      await expect(store.recordCrl(labList(OTHER), term)).rejects.toThrow('without a number');
    });

    test('keeps an issuer’s newest list, for every process to serve', async () => {
      const { store } = current();
      expect([await store.crlListNumber(ISSUER), await store.findCrlList(ISSUER)]).toEqual([0, undefined]);
      const term = await store.beginTerm();
      await store.takeCrlNumber(ISSUER, NOON);
      for (const number of [3, 5]) {
        const list = labList(ISSUER, { number, der: Uint8Array.of(number) });
        await store.recordCrl(list, term);
        expect(await store.crlListNumber(ISSUER)).toBe(number);
        expect(await store.findCrlList(ISSUER)).toEqual(list);
      }
      expect(await store.findCrlList(OTHER)).toBeUndefined();
    });

    test.for<[string, Partial<CrlList>, number, string | undefined]>([
      ['takes a list that comes after the newest', {}, 0, undefined],
      ['takes one that is as new, and tells of as much', { thisUpdate: NOON, through: 7 }, 0, undefined],
      ['refuses the number again', { number: 5 }, 0, 'list-overtaken'],
      ['refuses a list that leaves a change out', { through: 6 }, 0, 'list-overtaken'],
      ['refuses a list that says that it is older', { thisUpdate: afterNoon(-1) }, 0, 'list-overtaken'],
      ['refuses a list of a term that is over', {}, 1, 'term-over'],
    ])('%s', async ([, override, termsSince, conflict]) => {
      const { store } = current();
      const term = await store.beginTerm();
      await store.takeCrlNumber(ISSUER, NOON);
      const newest = labList(ISSUER, { number: 5, through: 7 });
      await store.recordCrl(newest, term);
      for (let more = 0; more < termsSince; more += 1) await store.beginTerm();
      const list = labList(ISSUER, { number: 6, through: 8, thisUpdate: afterNoon(1), ...override });
      const code = await store.recordCrl(list, term).then(
        () => undefined,
        (error: unknown) => (error instanceof StoreConflictError ? error.code : error),
      );
      expect(code).toBe(conflict);
      expect(await store.findCrlList(ISSUER)).toEqual(conflict === undefined ? list : newest);
    });

    const expiry = 28_800;
    test.for<[string, number, number, number]>([
      ['was published after it had expired, with it', expiry + 1, 0, 0],
      ['was published when it had not expired', expiry, 0, 1],
      ['was published after it had expired, before it was revoked', expiry + 1, -1, 1],
    ])('drops an entry once a list %s', async ([, seconds, beforeNewest, left]) => {
      const { store } = current();
      await revoke([1]);
      await store.takeCrlNumber(ISSUER, NOON);
      const through = (await store.newestRevocationChange()) + beforeNewest;
      await store.recordCrl(labList(ISSUER, { thisUpdate: afterNoon(seconds), through }), await store.beginTerm());
      expect(await listed()).toHaveLength(left);
      expect(await store.findRevocation(labSerial(1))).toBeDefined();
    });

    test('keeps an entry until every issuer’s list had it', async () => {
      const { store } = current();
      await revoke([1]);
      for (const issuer of [ISSUER, OTHER]) await store.takeCrlNumber(issuer, NOON);
      const term = await store.beginTerm();
      const through = await store.newestRevocationChange();
      let number = 0;
      const publish = (issuer: string, seconds: number): Promise<void> => {
        number += 1;
        return store.recordCrl(labList(issuer, { number, thisUpdate: afterNoon(seconds), through }), term);
      };
      await publish(ISSUER, expiry + 1);
      expect(await listed()).toHaveLength(1);
      await publish(OTHER, expiry);
      await publish(ISSUER, expiry + 1);
      expect(await listed()).toHaveLength(1);
      await publish(OTHER, expiry + 1);
      expect(await listed()).toHaveLength(0);
    });
  });
}
