import { describe, expect, test } from 'vitest';

import type { AuditEvent } from '#core/audit-record.ts';
import { toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { newRequestId, type NodeName } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createJoinToken, revokeJoinToken } from '#services/admin/join-tokens.ts';
import { originOf } from '#services/http/origin.ts';
import { enrolKey } from '#services/join/enrol-key.ts';
import { AUDIENCE, auditOf, HOME, type JoinLab, joinLab, nodeName, poolName } from '#test/lab/join-lab.ts';
import { labMeasurementKey, type LabMeasurementKey, labSign } from '#test/lab/measurement-key.ts';

interface Attempt {
  readonly token?: string;
  readonly key?: LabMeasurementKey;
  /** Who signs the proof, where it is not the key itself. */
  readonly prover?: LabMeasurementKey;
  readonly audience?: string;
  /** The token that the proof is about. */
  readonly proven?: string;
  readonly address?: string;
}

const by = { name: 'alice', requestId: newRequestId(systemRandom), address: '127.0.0.1' };

async function tokenLab() {
  const lab = await joinLab();
  const deps = {
    now: lab.clock.now,
    random: systemRandom,
    hasPool: (pool: string) => pool === 'general',
    findNodeByName: (name: NodeName) => lab.store.findNodeByName(name),
    tokens: lab.store,
  };
  const request = { name: nodeName('edge-3'), pool: poolName('general'), ttlSeconds: 3_600 };
  const made = await createJoinToken(deps, request, by);
  if (!made.ok) throw new Error(made.problem);
  const { token, id } = made.created;
  const revoke = () => revokeJoinToken(deps, id, by);
  return { ...lab, token, id, revoke, key: labMeasurementKey() };
}

type TokenLab = Awaited<ReturnType<typeof tokenLab>>;

async function redeem(lab: TokenLab, attempt: Attempt = {}): Promise<string> {
  const {
    token = lab.token,
    key = lab.key,
    prover = key,
    audience = AUDIENCE,
    proven = token,
    address = HOME,
  } = attempt;
  const header = toBase64Url(utf8(JSON.stringify({ alg: prover.alg, kid: key.id })));
  const payload = toBase64Url(utf8(JSON.stringify({ aud: audience, token: sha256Hex(utf8(proven)) })));
  const input = `${header}.${payload}`;
  const proof = `${input}.${toBase64Url(labSign(prover, utf8(input)))}`;
  const deps = {
    now: lab.clock.now,
    random: systemRandom,
    audience: AUDIENCE,
    policy: lab.deps.policy,
    tokens: lab.store,
    appendAudit: (event: AuditEvent) => lab.store.appendAudit(event),
  };
  const caller = { requestId: newRequestId(systemRandom), origin: originOf(address) };
  const outcome = await enrolKey(deps, { token, publicKey: key.spki, proof }, caller);
  return outcome.ok ? 'ok' : outcome.problem;
}

const lastReason = async ({ store }: Pick<JoinLab, 'store'>): Promise<unknown> =>
  (await auditOf(store)).at(-1)?.facts['reason'];
const other = labMeasurementKey();
const forged = `mjt_${'0'.repeat(16)}_${'A'.repeat(43)}`;

describe('T73 a join token is guessed, stolen, or used twice', () => {
  test('T73 the right one enrols the key, and again the same key where the answer was lost', async () => {
    const lab = await tokenLab();
    expect([await redeem(lab), await redeem(lab)]).toEqual(['ok', 'ok']);
    const node = await lab.store.findNodeByName(nodeName('edge-3'));
    expect(node).toMatchObject({ pool: 'general', state: 'enrolled', ekFingerprint: lab.key.id });
    expect((await lab.store.listNodes({}, { limit: 9 })).length).toBe(2);
  });

  test.each<[string, (lab: TokenLab) => Promise<Attempt>, string]>([
    ['T73 one that never was', () => Promise.resolve({ token: forged }), 'no such token'],
    [
      'T73 one with another secret',
      ({ token }) => Promise.resolve({ token: `${token.slice(0, -43)}${'B'.repeat(42)}A` }),
      'no such token',
    ],
    [
      'T73 one whose proof another key signed',
      () => Promise.resolve({ prover: other }),
      'the key is not one, or its proof is not right',
    ],
    [
      'T73 a proof for another service',
      () => Promise.resolve({ audience: 'elsewhere' }),
      'the key is not one, or its proof is not right',
    ],
    [
      'T73 a proof for another token',
      () => Promise.resolve({ proven: forged }),
      'the key is not one, or its proof is not right',
    ],
    [
      'T73 one that enrolled another key',
      async (lab) => {
        await redeem(lab);
        return { key: other };
      },
      'spent',
    ],
    [
      'T73 one that was revoked',
      async ({ revoke }) => {
        await revoke();
        return {};
      },
      'revoked',
    ],
    [
      'T73 one that expired',
      ({ clock }) => {
        clock.advance(3_600_000);
        return Promise.resolve({});
      },
      'expired',
    ],
  ])('%s gets the one answer, and the reason is on record', async (_, prepare, reason) => {
    const lab = await tokenLab();
    const attempt = await prepare(lab);
    expect(await redeem(lab, attempt)).toBe('token-refused');
    expect(await lastReason(lab)).toBe(reason);
  });

  test('T73 of two that use it at once with keys of their own, one gets it', async () => {
    const lab = await tokenLab();
    const outcomes = await Promise.all([redeem(lab), redeem(lab, { key: other })]);
    expect(outcomes.toSorted()).toEqual(['ok', 'token-refused']);
  });

  test('T73 from outside every segment it is not even looked at', async () => {
    expect(await redeem(await tokenLab(), { address: '192.0.2.1' })).toBe('origin-refused');
  });

  test('T73 its secret is nowhere on record', async () => {
    const lab = await tokenLab();
    await redeem(lab);
    const secret = lab.token.slice(-43);
    const kept = JSON.stringify([await auditOf(lab.store), await lab.store.listJoinTokens(9)]);
    expect(kept).not.toContain(secret);
  });
});
