import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import { verifyEvidence } from '#attestation/verify-evidence.ts';
import type { JoinRequest } from '#protocol/join.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import { ticketKey } from '#services/join/ticket-keys.ts';
import {
  answerOf,
  auditOf,
  challengeFor,
  type JoinLab,
  joinLab,
  joinLabOver,
  lastDenials,
  submit,
  told,
  fixedKeys,
} from '#test/lab/join-lab.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { labStorePath } from '#test/lab/sqlite-store.ts';

const SECONDS = [0, 1, 59, 60, 3_600];

describe('X05 captured messages sent again', () => {
  const tpm = labTpm();
  const { path, remove } = labStorePath();
  let lab: JoinLab<Store>;

  beforeEach(async () => {
    lab = await joinLab({ tpm });
  });

  afterAll(() => remove());

  const capture = async (): Promise<JoinRequest> => answerOf(await challengeFor(lab), tpm);
  const issuedBy = async ({ store }: JoinLab<Store>): Promise<number> =>
    (await auditOf(store)).filter(({ type }) => type === 'certificate.issued').length;

  test.each(SECONDS)(
    'X05 a join that succeeded, %i s later: the same bytes while the ticket lives, and then nothing',
    async (seconds) => {
      const join = await capture();
      const first = await submit(lab, join);
      lab.clock.advance(seconds * 1_000);
      const again = await submit(lab, join);
      expect(told(again)).toBe(seconds < 60 ? 'ok' : 'challenge-invalid');
      const [one, two] = [first, again].map((outcome) =>
        outcome.ok ? outcome.admitted.certificate.fingerprint : 'none',
      );
      expect(one === two).toBe(seconds < 60);
      expect(await issuedBy(lab)).toBe(1);
    },
  );

  test.each(SECONDS)('X05 a join that was refused, %i s later: refused again', async (seconds) => {
    const join = await capture();
    const wrong: JoinRequest = { ...join, csr: (await capture()).csr };
    expect(told(await submit(lab, wrong))).toBe('evidence-rejected');
    lab.clock.advance(seconds * 1_000);
    expect(told(await submit(lab, wrong))).toBe('challenge-invalid');
    // The ticket was spent on it: the genuine join comes too late.
    expect(told(await submit(lab, join))).toBe('challenge-invalid');
    expect(await issuedBy(lab)).toBe(0);
  });

  test.each(SECONDS)(
    'X05 a join that was held back for %i s: answered only while its ticket lives',
    async (seconds) => {
      const join = await capture();
      lab.clock.advance(seconds * 1_000);
      expect(told(await submit(lab, join))).toBe(seconds < 60 ? 'ok' : 'challenge-invalid');
    },
  );

  test.each(SECONDS)('X05 its evidence in a newer challenge, %i s later: refused', async (seconds) => {
    const join = await capture();
    expect(told(await submit(lab, join))).toBe('ok');
    lab.clock.advance(seconds * 1_000);
    const next = await capture();
    for (const replayed of [
      { ...next, evidence: join.evidence },
      { ...next, evidence: join.evidence, csr: join.csr },
      { ...join, ticket: next.ticket },
    ]) {
      expect(told(await submit(lab, replayed))).toMatch(/^(?:evidence-rejected|challenge-invalid)$/);
    }
    expect(await issuedBy(lab)).toBe(1);
  });

  test('X05 a challenge asked for twice is two challenges, with nothing in common that a join stands on', async () => {
    const [one, two] = [await challengeFor(lab), await challengeFor(lab)];
    expect(one.ticket).not.toBe(two.ticket);
    expect(Buffer.from(one.nonce)).not.toEqual(Buffer.from(two.nonce));
    const answer = answerOf(one, tpm);
    expect(told(await submit(lab, { ...answer, ticket: Buffer.from(two.ticket, 'base64url') }))).toBe(
      'evidence-rejected',
    );
    expect(told(await submit(lab, answer))).toBe('ok');
  });

  test('X05 a join sent to another server: refused, by its ticket key or by its audience', async () => {
    const join = await capture();
    const otherKey = await joinLab({
      tpm,
      override: { ticketKeys: fixedKeys(ticketKey(new Uint8Array(32).fill(0x5a))) },
    });
    expect(told(await submit(otherKey, join))).toBe('challenge-invalid');
    // Another service with the same ticket key and the same node enrolled: what is left is whom the quote was made for.
    const elsewhere = await joinLab({
      tpm,
      policy: lab.policy,
      override: { verifyEvidence: async (input) => verifyEvidence({ ...input, audience: 'another.example' }) },
    });
    expect(told(await submit(elsewhere, join))).toBe('evidence-rejected');
    expect(await lastDenials(elsewhere.store)).toEqual(['nonce-mismatch']);
    expect(told(await submit(lab, join))).toBe('ok');
  });

  test('X05 a join sent from another address: refused', async () => {
    const join = await capture();
    expect(told(await submit(lab, join, { address: '10.1.2.4' }))).toBe('challenge-invalid');
    expect(told(await submit(lab, join, { address: '::ffff:10.1.2.4' }))).toBe('challenge-invalid');
  });

  test('X05 after a restart: the same bytes to a repeat, and no second certificate to anything else', async () => {
    const before = await openSqliteStore({ path });
    lab = await joinLabOver<Store>({ store: before, tpm });
    const [join, unsent] = [await capture(), await capture()];
    const first = await submit(lab, join);
    await before[Symbol.asyncDispose]();

    await using after = await openSqliteStore({ path });
    const { deps } = await joinLab({ tpm, policy: lab.policy });
    const restarted = {
      deps: {
        ...deps,
        findNodeByEk: (...args: Parameters<typeof deps.findNodeByEk>) => after.findNodeByEk(...args),
        takeTicket: (...args: Parameters<typeof deps.takeTicket>) => after.takeTicket(...args),
        reserveSerial: (...args: Parameters<typeof deps.reserveSerial>) => after.reserveSerial(...args),
        recordIssued: (...args: Parameters<typeof deps.recordIssued>) => after.recordIssued(...args),
        appendAudit: (...args: Parameters<typeof deps.appendAudit>) => after.appendAudit(...args),
      },
    };
    const again = await submit(restarted, join);
    const fingerprints = [first, again].map((outcome) => (outcome.ok ? outcome.admitted.certificate.fingerprint : ''));
    expect([told(first), told(again), new Set(fingerprints).size]).toEqual(['ok', 'ok', 1]);
    expect(told(await submit(restarted, { ...join, csr: unsent.csr }))).toBe('challenge-invalid');
    expect(told(await submit(restarted, { ...unsent, evidence: join.evidence }))).toBe('evidence-rejected');
    const issued = (await after.readAudit(0, 1_000)).filter(({ type }) => type === 'certificate.issued');
    expect(issued).toHaveLength(1);
  });
});
