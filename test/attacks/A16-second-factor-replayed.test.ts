import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { concatBytes, fromBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { type AssertionSpoiling, encodeStepUpHeader, labSecurityKey, labStepUpHeader } from '#test/lab/security-key.ts';
import { type LabAct, type LabPerson, type StepUpLab, stepUpLab } from '#test/lab/step-up-lab.ts';

const token = (name: string): LabAct => ({ path: '/v1/tokens', body: { name, pool: 'general', ttlSeconds: 600 } });
const ACT = token('edge-1');
const bar = (...nodes: readonly string[]): LabAct => ({ path: '/v1/node-changes', body: { change: 'bar', nodes } });

describe('A16 a second factor is replayed, moved to another act, or half of one', () => {
  let lab: StepUpLab;
  beforeAll(async () => {
    lab = await stepUpLab();
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  const made = async (): Promise<number> => (await lab.auditOf('token.created')).length;
  const lastReason = async (): Promise<unknown> => (await lab.auditOf('step-up.refused'))[0]?.facts['reason'];
  const reopened = (header: string, change: object): string =>
    encodeStepUpHeader({ ...JSON.parse(Buffer.from(header, 'base64url').toString('utf8')), ...change });

  test('A16 the right one lets its act through, and stands in the log beside it', async () => {
    const alice = await lab.person();
    const { status } = await lab.send(alice, ACT, await lab.signed(alice, ACT));
    expect(status).toBe(201);
    const [accepted] = await lab.auditOf('step-up.accepted');
    const [created] = await lab.auditOf('token.created');
    expect(accepted).toMatchObject({ actor: `admin:${alice.name}`, requestId: created?.requestId });
    expect(accepted?.facts).toMatchObject({ act: 'tokens.create', credential: alice.key.credentialId, counter: 1 });
    expect(accepted?.sequence).toBeLessThan(created?.sequence ?? 0);
  });

  test('A16 an Ed25519 key is as good', async () => {
    const alice = await lab.person({ key: labSecurityKey('EdDSA') });
    expect((await lab.send(alice, ACT, await lab.signed(alice, ACT))).status).toBe(201);
  });

  test('A16 of two requests with one assertion at the same moment exactly one is executed', async () => {
    const alice = await lab.person();
    const before = await made();
    const header = await lab.signed(alice, ACT);
    const connections = [1, 2, 3].map(() => ({ ...alice, client: lab.running.admin(alice.identity) }));
    const answers = await Promise.all(connections.map((connection) => lab.send(connection, ACT, header)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403, 403]);
    expect(await made()).toBe(before + 1);
    expect(await lastReason()).toBe('spent');
  });

  interface Row {
    readonly what: string;
    readonly reason: string;
    /** Of what the key signs. */
    readonly spoiling?: AssertionSpoiling;
    /** What is signed, where it is not the act. */
    readonly signs?: LabAct;
    /** Does something else with the header, or between the signature and the act. */
    readonly before?: (alice: LabPerson, header: string) => Promise<string> | string;
  }

  const rows: readonly Row[] = [
    {
      what: 'used before',
      reason: 'spent',
      before: async (alice, header) => {
        await lab.send(alice, ACT, header);
        return header;
      },
    },
    { what: 'for another body', reason: 'other-act', signs: token('edge-2') },
    { what: 'for another route', reason: 'other-act', signs: bar('worker-1', 'worker-2') },
    {
      what: 'for no act, but a ticket of nobody',
      reason: 'not-ours',
      before: (_, header) => reopened(header, { ticket: 'AAAA' }),
    },
    {
      what: 'with one bit of its ticket changed',
      reason: 'not-ours',
      before: (_, header) => {
        const { ticket } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
        const bytes = fromBase64Url(String(ticket));
        return reopened(header, { ticket: toBase64Url(bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte))) });
      },
    },
    {
      what: 'another administrator’s, whole',
      reason: 'other-act',
      before: async () => lab.signed(await lab.person(), ACT),
    },
    {
      what: 'with another administrator’s key, over the right act',
      reason: 'unknown-credential',
      before: async (alice) => {
        const bob = await lab.person();
        const demand = await lab.demand(alice, ACT);
        return labStepUpHeader(bob.key, demand, { ...ACT, administrator: alice.fingerprint });
      },
    },
    {
      what: 'with a key of nobody under the right credential id',
      reason: 'signature',
      before: async (alice) => {
        const demand = await lab.demand(alice, ACT);
        const forger = { ...labSecurityKey(), credentialId: alice.key.credentialId };
        return labStepUpHeader(forger, demand, { ...ACT, administrator: alice.fingerprint });
      },
    },
    {
      what: 'two minutes old',
      reason: 'expired',
      before: (_, header) => {
        lab.wait(120);
        return header;
      },
    },
    { what: 'without user verification', reason: 'not-verified', spoiling: { flags: 0x01 } },
    { what: 'without user presence', reason: 'not-present', spoiling: { flags: 0x04 } },
    { what: 'that says extensions follow', reason: 'authenticator-data', spoiling: { flags: 0x85 } },
    { what: 'that says a credential follows', reason: 'authenticator-data', spoiling: { flags: 0x45 } },
    { what: 'with a byte behind the counter', reason: 'authenticator-data', spoiling: { trailing: Uint8Array.of(0) } },
    { what: 'for another relying party', reason: 'relying-party', spoiling: { relyingParty: 'evil.example' } },
    {
      what: 'made at another origin',
      reason: 'origin',
      spoiling: { clientData: (good) => good.replace('https://muster.internal', 'https://evil.example') },
    },
    {
      what: 'made at an origin that only begins like ours',
      reason: 'origin',
      spoiling: { clientData: (good) => good.replace('muster.internal', 'muster.internal.evil.example') },
    },
    {
      what: 'made in a frame of another page',
      reason: 'cross-origin',
      spoiling: { clientData: (good) => good.replace('"crossOrigin":false', '"crossOrigin":true') },
    },
    {
      what: 'made to register a key',
      reason: 'type',
      spoiling: { clientData: (good) => good.replace('webauthn.get', 'webauthn.create') },
    },
    {
      what: 'over another challenge',
      reason: 'challenge',
      spoiling: { clientData: (good) => good.replace(/"challenge":"./, '"challenge":"_') },
    },
    {
      what: 'with more in the client data',
      reason: 'client-data',
      spoiling: { clientData: (good) => good.replace('}', ',"a":1}') },
    },
    { what: 'with text behind the client data', reason: 'client-data', spoiling: { clientData: (good) => `${good}x` } },
    {
      what: 'with one bit of the signature changed',
      reason: 'signature',
      spoiling: { signature: (good) => good.map((byte, at) => (at === good.byteLength - 1 ? byte ^ 1 : byte)) },
    },
    {
      what: 'with a byte behind the signature',
      reason: 'signature',
      spoiling: { signature: (good) => concatBytes(good, Uint8Array.of(0)) },
    },
    {
      what: 'with a counter that was there before',
      reason: 'counter-back',
      spoiling: { counter: 7 },
      before: async (alice, header) => {
        const first = await lab.signed(alice, ACT, { counter: 7 });
        await lab.send(alice, ACT, first);
        return header;
      },
    },
    { what: 'that is not JSON', reason: 'malformed', before: () => toBase64Url(utf8('touch')) },
    {
      what: 'with a member that is not known',
      reason: 'malformed',
      before: (_, header) => reopened(header, { userHandle: 'AAAA' }),
    },
    { what: 'longer than any', reason: 'malformed', before: () => 'A'.repeat(4_097) },
    { what: 'sent twice in one request', reason: 'malformed', before: (_, header) => `${header}, ${header}` },
  ];

  test.each(rows)(
    'A16 one $what is refused as $reason, and nothing is done',
    async ({ spoiling, signs = ACT, before, reason }) => {
      const alice = await lab.person();
      const good = await lab.signed(alice, signs, spoiling);
      const header = (await before?.(alice, good)) ?? good;
      const count = await made();
      const answer = await lab.send(alice, ACT, header);
      expect({ status: answer.status, problem: answer.problem }).toEqual({ status: 403, problem: 'step-up-required' });
      expect(answer.json).not.toHaveProperty('stepUp');
      expect(answer.json).toMatchObject({ detail: 'the assertion was not accepted' });
      expect(await lastReason()).toBe(reason);
      expect(await made()).toBe(count);
    },
  );

  test('A16 five failures of one certificate, at once or not, are followed by a wait; another certificate has none', async () => {
    const [alice, bob] = [await lab.person(), await lab.person()];
    const wrong = toBase64Url(utf8('touch'));
    const answers = [];
    for (let n = 0; n < 7; n += 1) answers.push((await lab.send(alice, ACT, wrong)).status);
    expect(answers).toEqual([403, 403, 403, 403, 403, 429, 429]);
    const good = await lab.signed(alice, ACT);
    expect((await lab.send(alice, ACT, good)).status).toBe(429);
    expect(await lastReason()).toBe('locked-out');
    expect((await lab.send(bob, ACT, await lab.signed(bob, ACT))).status).toBe(201);
  });
});
