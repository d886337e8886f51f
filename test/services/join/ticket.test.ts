import { describe, expect, test } from 'vitest';

import { toHex, utf8 } from '#core/bytes.ts';
import { ekFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import type { SealingKey } from '#core/sealing.ts';
import type { MeasurementTicketFacts, Tpm2TicketFacts } from '#services/join/ticket-facts.ts';
import { openTicket, sealTicket, TICKET_CERTIFICATES_MAX_BYTES } from '#services/join/ticket.ts';
import { ticketKey } from '#services/join/ticket-keys.ts';
import { nodeName } from '#test/lab/join-lab.ts';

const KEY = ticketKey(new Uint8Array(32).fill(0x0f));
const OTHER_KEY = ticketKey(new Uint8Array(32).fill(0xf0));
const EXPIRES = new Date('2026-11-21T10:01:00.000Z');
const BEFORE = new Date(EXPIRES.getTime() - 1);

const facts: Tpm2TicketFacts = {
  kind: 'tpm2-quote',
  nonce: systemRandom(32),
  claimedNodeName: nodeName('worker-7'),
  ekPublic: systemRandom(314),
  ekCertificates: [systemRandom(1_000), systemRandom(0), systemRandom(1_500)],
  akPublic: systemRandom(90),
  activationSecret: systemRandom(32),
  bank: 'sha384',
  pcrs: [0, 7, 23],
  ekFingerprint: ekFingerprint(utf8('an EK')),
  policyVersion: 'ab'.repeat(32),
  origin: '10.1.2.3',
  expiresAt: EXPIRES,
};

const expected = { keys: [KEY], now: BEFORE, origin: '10.1.2.3', policyVersion: 'ab'.repeat(32) };
const seal = (change: Partial<Tpm2TicketFacts> = {}, key: SealingKey = KEY): Uint8Array =>
  sealTicket({ ...facts, ...change }, key, systemRandom);

const plain = ({ nonce, ekPublic, ekCertificates, akPublic, activationSecret, ...rest }: Tpm2TicketFacts) => ({
  ...rest,
  bytes: [nonce, ekPublic, akPublic, activationSecret, ...ekCertificates].map(toHex),
});

describe('a ticket', () => {
  test('brings back what was sealed', () => {
    const opened = openTicket(seal(), expected);
    expect(opened.ok && opened.facts.kind === 'tpm2-quote' && plain(opened.facts)).toEqual(plain(facts));
  });

  test('brings back what was sealed for a key that signs measurements', () => {
    const { claimedNodeName, ekFingerprint: key, policyVersion, origin, expiresAt } = facts;
    const nonce = systemRandom(32);
    const sealed: MeasurementTicketFacts = {
      kind: 'signed-measurements',
      nonce,
      claimedNodeName,
      ekFingerprint: key,
      policyVersion,
      origin,
      expiresAt,
    };
    const opened = openTicket(sealTicket(sealed, KEY, systemRandom), expected);
    expect(opened).toEqual({ ok: true, facts: { ...sealed, nonce: Buffer.from(nonce) } });
  });

  test.each<[string, Parameters<typeof openTicket>[1], string]>([
    ['opens with its key, at its address, under its policy, in time', expected, 'ok'],
    ['expires at the second that it says', { ...expected, now: EXPIRES }, 'expired'],
    ['is worth nothing at another address', { ...expected, origin: '10.1.2.4' }, 'other-origin'],
    ['is worth nothing under another policy', { ...expected, policyVersion: 'ac'.repeat(32) }, 'other-policy'],
    ['opens with a key that is one of several', { ...expected, keys: [OTHER_KEY, KEY] }, 'ok'],
    ['is worth nothing under another key', { ...expected, keys: [OTHER_KEY] }, 'not-ours'],
    [
      'is worth nothing under another key that goes by the same name',
      { ...expected, keys: [{ ...OTHER_KEY, id: KEY.id }] },
      'not-ours',
    ],
  ])('%s', (_, against, outcome) => {
    const opened = openTicket(seal(), against);
    expect(opened.ok ? 'ok' : opened.fault).toBe(outcome);
  });

  test('is worth nothing with any one bit changed, cut short, or with a byte more', () => {
    const ticket = seal({ ekCertificates: [] });
    expect(openTicket(ticket, expected).ok).toBe(true);
    for (let at = 0; at < ticket.byteLength; at++) {
      const changed = Uint8Array.from(ticket);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(openTicket(changed, expected)).toEqual({ ok: false, fault: 'not-ours' });
      expect(openTicket(ticket.subarray(0, at), expected)).toEqual({ ok: false, fault: 'not-ours' });
    }
    expect(openTicket(Buffer.concat([ticket, Uint8Array.of(0)]), expected).ok).toBe(false);
  });

  test('shows none of its secrets, and is another one each time', () => {
    const [one, two] = [toHex(seal()), toHex(seal())];
    expect(one).not.toBe(two);
    for (const secret of [facts.nonce, facts.activationSecret, utf8('worker-7')])
      expect(one).not.toContain(toHex(secret));
  });

  test('with the most certificates it can carry fits the field of a join', () => {
    const ekCertificates = Array.from({ length: 5 }, () => systemRandom(Math.floor(TICKET_CERTIFICATES_MAX_BYTES / 5)));
    const ticket = seal({ ekCertificates, ekPublic: systemRandom(1_024), akPublic: systemRandom(1_024) });
    expect(ticket.byteLength).toBeLessThanOrEqual(18_000);
  });
});
