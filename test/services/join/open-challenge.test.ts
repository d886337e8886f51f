import { describe, expect, test } from 'vitest';

import { concatBytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import type { ChallengeRequest } from '#protocol/challenge.ts';
import { openTicket } from '#services/join/ticket.ts';
import {
  answerOf,
  askChallenge,
  auditOf,
  auditTypes,
  challengeFor,
  challengeRequestOf,
  enrol,
  HOME,
  type JoinLab,
  joinLab,
  lastDenials,
  submit,
  TICKET_KEY,
  told,
} from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

const withAttester = (lab: JoinLab, change: object): ChallengeRequest => {
  const request = challengeRequestOf(lab.tpm);
  return { ...request, attester: { ...request.attester, ...change } as ChallengeRequest['attester'] };
};

describe('openChallenge', () => {
  test('gives a challenge that this TPM alone can answer, and stores nothing', async () => {
    const lab = await joinLab();
    const before = await lab.store.auditHead();
    const challenge = await challengeFor(lab);
    expect(challenge.nonce.byteLength).toBe(32);
    expect(challenge.expiresAt).toBe(new Date(lab.clock.now().getTime() + 60_000).toISOString());
    expect(challenge.attester).toMatchObject({
      kind: 'tpm2-quote',
      pcrSelection: [{ hash: 'sha256', pcrs: [0, 1, 2, 3, 4, 5, 7] }],
      logs: [],
    });
    expect(challenge).not.toHaveProperty('callback');
    expect(told(await submit(lab, answerOf(challenge, lab.tpm)))).toBe('ok');
    const other = labTpm();
    expect(() => answerOf(challenge, other)).toThrow(/./);
    expect(await lab.store.auditHead()).not.toEqual(before);
  });

  test('stores nothing for a challenge that is given', async () => {
    const lab = await joinLab();
    const before = await lab.store.auditHead();
    await challengeFor(lab);
    await challengeFor(lab, { request: challengeRequestOf(labTpm()) });
    expect(await lab.store.auditHead()).toEqual(before);
  });

  test('answers for an EK that nobody enrolled just as for an enrolled one', async () => {
    const lab = await joinLab();
    const known = await challengeFor(lab);
    const unknown = await challengeFor(lab, { request: challengeRequestOf(labTpm()) });
    expect(Object.keys(unknown)).toEqual(Object.keys(known));
    expect(unknown.attester).toMatchObject({ pcrSelection: [{ hash: 'sha256', pcrs: [0, 1, 2, 3, 4, 5, 7] }] });
    expect(Math.abs(unknown.ticket.length - known.ticket.length)).toBeLessThan(16);
  });

  test('seals the caller’s address and the policy in force into the ticket', async () => {
    const lab = await joinLab();
    const { ticket } = await challengeFor(lab);
    const bytes = Buffer.from(ticket, 'base64url');
    const expected = { keys: [TICKET_KEY], now: lab.clock.now(), origin: HOME, policyVersion: lab.policy.version };
    const opened = openTicket(bytes, expected);
    expect(opened.ok && opened.facts).toMatchObject({
      claimedNodeName: 'worker-7',
      ekFingerprint: lab.tpm.ekFingerprint,
      origin: HOME,
    });
  });

  test.each<[string, string, string]>([
    ['a caller in the node’s pool is answered', HOME, 'ok'],
    ['a caller in it as an IPv4-mapped address is answered', `::ffff:${HOME}`, 'ok'],
    ['a caller on IPv6 in it is answered', '::1', 'ok'],
    ['a caller in another pool’s segment is refused', '10.2.0.1', 'origin-refused'],
    ['a caller in no segment is refused', '192.0.2.1', 'origin-refused'],
    ['a caller with a zone id is refused', '::1%lo', 'origin-refused'],
  ])('%s', async (_, address, outcome) => {
    const lab = await joinLab();
    expect(told(await askChallenge(lab, { address }))).toBe(outcome);
    expect(await auditTypes(lab.store)).toEqual(outcome === 'ok' ? [] : ['challenge.refused']);
  });

  test('refuses a stranger from no segment as it would a node', async () => {
    const lab = await joinLab();
    const request = challengeRequestOf(labTpm());
    expect(told(await askChallenge(lab, { request, address: '10.2.0.1' }))).toBe('ok');
    expect(told(await askChallenge(lab, { request, address: '192.0.2.1' }))).toBe('origin-refused');
  });

  test('does no cryptography for a caller from elsewhere', async () => {
    const lab = await joinLab({
      override: {
        random: () => {
          throw new Error('no random bytes are needed to refuse');
        },
      },
    });
    expect(told(await askChallenge(lab, { address: '192.0.2.1' }))).toBe('origin-refused');
    expect(told(await askChallenge(lab, { address: '10.2.0.1' }))).toBe('origin-refused');
  });

  test('records from where, for which EK and under which name a challenge was refused', async () => {
    const lab = await joinLab();
    await askChallenge(lab, { address: '10.2.0.1', request: challengeRequestOf(lab.tpm, 'worker-8') });
    expect((await auditOf(lab.store)).at(-1)).toMatchObject({
      type: 'challenge.refused',
      actor: 'anonymous',
      address: '10.2.0.1',
      nodeName: 'worker-7',
      facts: { problem: 'origin-refused', claimedNodeName: 'worker-8', ekFingerprint: lab.tpm.ekFingerprint },
    });
  });

  test('asks a node for what its own pool demands', async () => {
    const lab = await joinLab();
    const tpm = labTpm();
    await enrol(lab.store, tpm, { name: 'edge-1', pool: 'edge' });
    const request = challengeRequestOf(tpm, 'edge-1');
    expect(told(await askChallenge(lab, { request, address: '10.2.0.1' }))).toBe('ok');
    expect(told(await askChallenge(lab, { request, address: HOME }))).toBe('origin-refused');
  });

  test.each<[string, (lab: JoinLab) => object, string, string[]]>([
    ['keys in due form are taken', () => ({}), 'ok', []],
    [
      'an EK with a byte after it is refused',
      ({ tpm }) => ({ ekPublic: concatBytes(tpm.ekPublic, Uint8Array.of(0)) }),
      'malformed-request',
      ['evidence-malformed'],
    ],
    [
      'an AK with a byte after it is refused',
      ({ tpm }) => ({ akPublic: concatBytes(tpm.akPublic, Uint8Array.of(0)) }),
      'malformed-request',
      ['evidence-malformed'],
    ],
    [
      'an EK cut short is refused',
      ({ tpm }) => ({ ekPublic: tpm.ekPublic.subarray(0, -1) }),
      'malformed-request',
      ['evidence-malformed'],
    ],
    [
      'an AK in the EK’s place is refused',
      ({ tpm }) => ({ ekPublic: tpm.akPublic }),
      'evidence-rejected',
      ['ek-template-unsafe'],
    ],
    [
      'an EK in the AK’s place is refused',
      ({ tpm }) => ({ akPublic: tpm.ekPublic }),
      'evidence-rejected',
      ['ak-attributes-unsafe'],
    ],
    [
      'more certificates than a ticket carries are refused',
      () => ({ ekCertificates: [systemRandom(8_192), systemRandom(8_192)] }),
      'malformed-request',
      [],
    ],
  ])('%s', async (_, change, outcome, denials) => {
    const lab = await joinLab();
    expect(told(await askChallenge(lab, { request: withAttester(lab, change(lab)) }))).toBe(outcome);
    expect(await lastDenials(lab.store)).toEqual(denials);
  });
});
