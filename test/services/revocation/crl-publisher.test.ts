import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { parseCrl } from '#pki/x509/crl.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { type CrlBuilder, openCrlBuilder } from '#services/revocation/crl-builder.ts';
import {
  CRL_RENEW_MS,
  CRL_VALID_MS,
  type CrlPublisher,
  type CrlPublisherDeps,
  crlPublisher,
} from '#services/revocation/crl-publisher.ts';
import { attime, hasTool, runTool } from '#test/lab/foreign-tool.ts';
import { type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { changeNode, type Joined, joinedNode } from '#test/lab/revocation-lab.ts';

let lab: JoinLab;
let one: Joined;
let two: Joined;
let publishers: CrlPublisher[];
/** The process leads in it; undefined: it does not. */
let term: number | undefined;

beforeEach(async () => {
  lab = await joinLab();
  term = await lab.store.beginTerm();
  publishers = [];
  one = await joinedNode(lab, 'worker-1');
  two = await joinedNode(lab, 'worker-2');
});
afterEach(async () => {
  for (const publisher of publishers) await publisher[Symbol.asyncDispose]();
});

/** A publisher over the laboratory's store; another one is what a restart gives. */
function publisherOf(override: Partial<CrlPublisherDeps> = {}): CrlPublisher {
  const authority = lab.ca.issuing;
  const openBuilder = () => openCrlBuilder(authority.certificate.der);
  const { store, clock } = lab;
  const made = crlPublisher({ authority, store, now: clock.now, term: () => term, openBuilder, ...override });
  publishers.push(made);
  return made;
}

function served(publisher: CrlPublisher) {
  const current = publisher.current();
  if (current === undefined) throw new Error('nothing is served');
  return { ...current, crl: parseCrl(current.der) };
}

const bar = (node: Joined) => changeNode(lab.store, node, 'bar', { at: lab.clock.now() });

describe('the publisher of a revocation list', () => {
  test('serves a list without entries where nobody is revoked', async () => {
    const publisher = publisherOf();
    expect(publisher.current()).toBeUndefined();
    await publisher.refresh();
    const { crl, number, entries, nextUpdate, thisUpdate } = served(publisher);
    expect([crl.entries.size, entries]).toEqual([0, 0]);
    expect(number).toBeGreaterThanOrEqual(lab.clock.now().getTime());
    expect(nextUpdate.getTime() - thisUpdate.getTime()).toBe(CRL_VALID_MS);
  });

  test('tells of a revocation that was committed before it looked', async () => {
    const publisher = publisherOf();
    await publisher.refresh();
    const before = served(publisher);
    await bar(one);
    await publisher.refresh();
    const after = served(publisher);
    expect([...after.crl.entries.keys()]).toEqual([one.serial]);
    expect(after.number).toBeGreaterThan(before.number);
  });

  test('makes no new list while nothing has changed, and one when it is an hour old', async () => {
    const publisher = publisherOf();
    await publisher.refresh();
    const { number } = served(publisher);
    lab.clock.advance(CRL_RENEW_MS - 1);
    await publisher.refresh();
    expect(served(publisher).number).toBe(number);
    lab.clock.advance(1);
    await publisher.refresh();
    expect(served(publisher).number).toBeGreaterThan(number);
  });

  test('puts a hold on the list and takes it off when it ends', async () => {
    const publisher = publisherOf();
    await changeNode(lab.store, one, 'quarantine', { at: lab.clock.now() });
    await bar(two);
    await publisher.refresh();
    expect(served(publisher).crl.entries.get(one.serial)?.reason).toBe(6);
    await changeNode(lab.store, one, 'release', { at: lab.clock.now() });
    await publisher.refresh();
    expect([...served(publisher).crl.entries.keys()]).toEqual([two.serial]);
  });

  test('numbers rise over restarts, and over a clock that was put back', async () => {
    const numbers: number[] = [];
    let latest = 0;
    for (const seconds of [0, 1, -7_200, 0]) {
      lab.clock.advance(seconds * 1_000);
      const publisher = publisherOf();
      await publisher.refresh();
      const { number, thisUpdate } = served(publisher);
      expect(thisUpdate.getTime()).toBeGreaterThanOrEqual(latest);
      latest = thisUpdate.getTime();
      numbers.push(number);
    }
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test('lets no entry go before it stood in one list past its expiry, also over a restart', async () => {
    await bar(one);
    const { notAfter } = await expired(one);
    const first = publisherOf();
    await first.refresh();
    expect(served(first).thisUpdate.getTime()).toBeGreaterThan(notAfter.getTime());
    expect(served(first).crl.entries.has(one.serial)).toBe(true);
    const restarted = publisherOf();
    await restarted.refresh();
    expect(served(restarted).crl.entries.has(one.serial)).toBe(false);
    lab.clock.advance(CRL_RENEW_MS);
    await first.refresh();
    expect(served(first).crl.entries.has(one.serial)).toBe(false);
  });

  test('keeps an expired entry when the list that had it could not be put on record', async () => {
    await bar(one);
    await expired(one);
    const broken = publisherOf({
      store: { ...lab.store, recordCrl: () => Promise.reject(new DependencyError('store', 'lab')) },
    });
    await expect(broken.refresh()).rejects.toThrow(DependencyError);
    const next = publisherOf();
    await next.refresh();
    expect(served(next).crl.entries.has(one.serial)).toBe(true);
  });

  test('serves what the process that leads put on record, and signs nothing itself', async () => {
    const leading = publisherOf();
    const following = publisherOf({ term: () => undefined });
    await following.refresh();
    expect(following.current()).toBeUndefined();
    for (const node of [one, two]) {
      await bar(node);
      await following.refresh();
      await leading.refresh();
      await following.refresh();
      expect(served(following).number).toBe(served(leading).number);
      expect(Buffer.from(served(following).der)).toEqual(Buffer.from(served(leading).der));
      expect(served(following).crl.entries.has(node.serial)).toBe(true);
    }
  });

  test('goes on from there when it is its turn to lead, with a list of its own at once', async () => {
    const before = publisherOf();
    const own: { term: number | undefined } = { term: undefined };
    const next = publisherOf({ term: () => own.term });
    await bar(one);
    await before.refresh();
    await next.refresh();
    own.term = await lab.store.beginTerm();
    await next.refresh();
    expect(served(next).number).toBeGreaterThan(served(before).number);
    expect([...served(next).crl.entries.keys()]).toEqual([one.serial]);
  });

  test('has its list refused, and goes on serving the one before, when another process leads and it has not noticed', async () => {
    const publisher = publisherOf();
    await publisher.refresh();
    const before = served(publisher);
    await lab.store.beginTerm();
    await bar(one);
    await expect(publisher.refresh()).rejects.toMatchObject({ code: 'term-over' });
    expect(served(publisher).number).toBe(before.number);
    expect(await lab.store.crlListNumber(publisher.issuerKeyId)).toBe(before.number);
    term = undefined;
    await publisher.refresh();
    expect(served(publisher).number).toBe(before.number);
  });

  test('serves no list on record that its issuer did not sign', async () => {
    const leading = publisherOf();
    await leading.refresh();
    const { der, number, ...list } = served(leading);
    const changed = Buffer.from(der);
    changed.writeUInt8(changed.readUInt8(changed.byteLength - 1) ^ 1, changed.byteLength - 1);
    await lab.store.recordCrl({ ...list, number: number + 1, der: changed }, term ?? 0);
    const following = publisherOf({ term: () => undefined });
    await expect(following.refresh()).rejects.toThrow('not the issuer’s');
    expect(following.current()).toBeUndefined();
  });

  test('serves the list that it had while a new one cannot be signed, and catches up', async () => {
    const { certificate, signer } = lab.ca.issuing;
    let isAway = false;
    const away = {
      spki: signer.spki,
      sign: (tbs: Uint8Array) =>
        isAway ? Promise.reject(new DependencyError('signer', 'lab')) : signer.sign(Buffer.from(tbs)),
    };
    const publisher = publisherOf({ authority: { certificate, signer: away } });
    await publisher.refresh();
    const before = served(publisher);
    await bar(one);
    isAway = true;
    await expect(publisher.refresh()).rejects.toThrow(DependencyError);
    expect(served(publisher).number).toBe(before.number);
    isAway = false;
    await publisher.refresh();
    expect(served(publisher).crl.entries.has(one.serial)).toBe(true);
  });

  test('starts from the store again when the thread that makes lists dies', async () => {
    const builders: CrlBuilder[] = [];
    const publisher = publisherOf({
      openBuilder: () => {
        const builder = openCrlBuilder(lab.ca.issuing.certificate.der);
        builders.push(builder);
        return builder;
      },
    });
    await bar(one);
    await publisher.refresh();
    await builders[0]?.[Symbol.asyncDispose]();
    await bar(two);
    await expect(publisher.refresh()).rejects.toThrow('stopped');
    await publisher.refresh();
    expect(new Set(served(publisher).crl.entries.keys())).toEqual(new Set([one.serial, two.serial]));
  });

  test('lists no revocation as later than the list itself', async () => {
    await changeNode(lab.store, one, 'bar', { at: new Date(lab.clock.now().getTime() + 60_000) });
    const publisher = publisherOf();
    await publisher.refresh();
    const { crl, thisUpdate } = served(publisher);
    expect(crl.entries.get(one.serial)?.revokedAt).toEqual(thisUpdate);
  });
});

/** Moves the clock past the node's certificate. */
async function expired(node: Joined): Promise<{ notAfter: Date }> {
  const certificate = await lab.store.findCertificate(node.serial);
  if (certificate === undefined) throw new Error('a certificate was issued');
  const { notAfter } = certificate;
  lab.clock.advance(notAfter.getTime() - lab.clock.now().getTime() + 1_000);
  return { notAfter };
}

const pem = (der: Uint8Array, label: 'CERTIFICATE' | 'X509 CRL') => ({ file: encodePem(label, Buffer.from(der)) });

describe.skipIf(!hasTool('openssl'))('OpenSSL on a served list', () => {
  test('verifies it, refuses the barred node’s certificate and takes the other’s', async () => {
    const publisher = publisherOf();
    await bar(one);
    await publisher.refresh();
    const crl = pem(served(publisher).der, 'X509 CRL');
    const issuer = pem(lab.ca.issuing.certificate.der, 'CERTIFICATE');
    expect(runTool('openssl', 'crl', '-noout', '-in', crl, '-CAfile', issuer).output).toContain('verify OK');
    const check = (node: Joined) =>
      runTool(
        'openssl',
        'verify',
        ...attime(lab.clock.now()),
        '-crl_check',
        '-CRLfile',
        crl,
        '-partial_chain',
        '-CAfile',
        issuer,
        pem(node.der, 'CERTIFICATE'),
      );
    expect(check(two).ok).toBe(true);
    expect(check(one)).toMatchObject({ ok: false, output: expect.stringContaining('certificate revoked') });
  });
});
