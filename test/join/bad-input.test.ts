import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { JoinRequestBody } from '#protocol/join.ts';
import type { LabClient, LabRequest } from '#test/lab/https-client.ts';
import { challengeRequestOf, enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import { challengeBody, joinBodyFor } from '#test/lab/wire.ts';

let running: RunningService;
let client: LabClient;
let challenge: Record<string, unknown>;
let attester: Record<string, unknown>;
let goodJoin: () => Promise<JoinRequestBody>;

beforeAll(async () => {
  running = await runService();
  await enrol(running.store, running.tpm);
  client = running.node();
  challenge = { ...challengeBody(challengeRequestOf(running.tpm)) };
  attester = { ...(challenge['attester'] as object) };
  goodJoin = () => joinBodyFor(client, running.tpm);
});

afterAll(() => running[Symbol.asyncDispose]());

const longer = (text: string): string =>
  Buffer.concat([Buffer.from(text, 'base64url'), Buffer.alloc(1)]).toString('base64url');

const pointersOf = (json: unknown): readonly string[] =>
  ((json as { errors?: { pointer: string }[] }).errors ?? []).map(({ pointer }) => pointer);

const outcome = async (request: LabRequest) => {
  const { status, problem, json } = await client.send({ method: 'POST', ...request });
  return { status, problem, pointers: pointersOf(json) };
};

const refused = (...pointers: readonly string[]) => ({ status: 400, problem: 'malformed-request', pointers });

describe('POST /v1/challenges', () => {
  test.each<[string, () => unknown, object]>([
    ['in due form is answered', () => challenge, { status: 201, problem: undefined, pointers: [] }],
    ['with a member more is refused', () => ({ ...challenge, admin: true }), refused('/admin')],
    [
      'with a member more inside is refused',
      () => ({ ...challenge, attester: { ...attester, pool: 'x' } }),
      refused('/attester/pool'),
    ],
    ['without a name is refused', () => ({ attester }), refused('/nodeName')],
    ['with a name in capitals is refused', () => ({ ...challenge, nodeName: 'Worker-7' }), refused('/nodeName')],
    ['with a line feed in the name is refused', () => ({ ...challenge, nodeName: 'worker-7\n' }), refused('/nodeName')],
    ['with a name of other letters is refused', () => ({ ...challenge, nodeName: 'wоrker-7' }), refused('/nodeName')],
    ['with a dot at the name’s end is refused', () => ({ ...challenge, nodeName: 'worker-7.' }), refused('/nodeName')],
    [
      'with a name over 52 characters is refused',
      () => ({ ...challenge, nodeName: 'a'.repeat(53) }),
      refused('/nodeName'),
    ],
    ['with a number for a name is refused', () => ({ ...challenge, nodeName: 7 }), refused('/nodeName')],
    [
      'of another kind is refused',
      () => ({ ...challenge, attester: { ...attester, kind: 'tpm1' } }),
      refused('/attester/kind'),
    ],
    [
      'with padding is refused',
      () => ({ ...challenge, attester: { ...attester, ekPublic: 'QQ==' } }),
      refused('/attester/ekPublic'),
    ],
    [
      'with base64, not base64url, is refused',
      () => ({ ...challenge, attester: { ...attester, ekPublic: 'a+/b' } }),
      refused('/attester/ekPublic'),
    ],
    [
      'with truncated base64url is refused',
      () => ({ ...challenge, attester: { ...attester, akPublic: 'QUJDR' } }),
      refused('/attester/akPublic'),
    ],
    [
      'with stray bits in the last character is refused',
      () => ({ ...challenge, attester: { ...attester, akPublic: 'QR' } }),
      refused('/attester/akPublic'),
    ],
    [
      'with an empty key is refused',
      () => ({ ...challenge, attester: { ...attester, akPublic: '' } }),
      refused('/attester/akPublic'),
    ],
    [
      'with six certificates is refused',
      () => ({ ...challenge, attester: { ...attester, ekCertificates: Array(6).fill('QQ') } }),
      refused('/attester/ekCertificates'),
    ],
    [
      'with a byte after the EK is refused',
      () => ({
        ...challenge,
        attester: { ...attester, ekPublic: longer(String(attester['ekPublic'])) },
      }),
      refused('/attester'),
    ],
    [
      'with every member wrong names each',
      () => ({ nodeName: null, attester: { kind: 'tpm2-quote', ekPublic: 1, ekCertificates: {}, akPublic: [] }, x: 1 }),
      refused('/nodeName', '/attester/ekPublic', '/attester/ekCertificates', '/attester/akPublic', '/x'),
    ],
    ['that is a list is refused', () => [challenge], refused('')],
    ['that is null is refused', () => 'null', refused('')],
    ['that names a member twice is refused', () => `{"nodeName":"a","nodeName":"b"}`, refused('')],
    ['with __proto__ is refused', () => `{"__proto__":{"nodeName":"worker-7"}}`, refused('')],
    ['nested a thousand deep is refused', () => `${'['.repeat(1_000)}${']'.repeat(1_000)}`, refused('')],
    [
      'with 10,000 members is refused, and not all are named',
      () => Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`m${i}`, 0])),
      expect.objectContaining({ status: 400 }),
    ],
    [
      'with a string of 1 MB is refused',
      () => ({ ...challenge, nodeName: 'a'.repeat(1_000_000) }),
      { status: 413, problem: 'payload-too-large', pointers: [] },
    ],
  ])('%s', async (_, body, expected) => {
    const sent = body();
    expect(
      await outcome({ path: '/v1/challenges', body: typeof sent === 'string' ? sent : JSON.stringify(sent) }),
    ).toEqual(expected);
  });

  test('over 64 KiB is refused by its announced length, before any of it is read', async () => {
    const started = performance.now();
    const answer = await running
      .node()
      .send({
        method: 'POST',
        path: '/v1/challenges',
        headers: { 'content-length': '100000000', 'content-type': 'application/json', expect: '100-continue' },
        body: '',
      })
      .catch((error: Error) => error);
    expect(answer).toMatchObject({ status: 413 });
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

const cutShort = (text: string): string => Buffer.from(text, 'base64url').subarray(0, -1).toString('base64url');

describe('POST /v1/joins', () => {
  const edit = (change: (join: JoinRequestBody & { evidence: Record<string, unknown> }) => unknown) => async () =>
    change(structuredClone(await goodJoin()) as JoinRequestBody & { evidence: Record<string, unknown> });

  test.each<[string, () => Promise<unknown>, object]>([
    ['in due form is answered', edit((join) => join), { status: 201, problem: undefined, pointers: [] }],
    ['with a member more is refused', edit((join) => ({ ...join, nodeName: 'other' })), refused('/nodeName')],
    [
      'with a rating of its own is refused',
      edit((join) => ({ ...join, evidence: { ...join.evidence, protectionRating: 'highly-protected' } })),
      refused('/evidence/protectionRating'),
    ],
    ['without a ticket is refused', edit(({ csr, evidence }) => ({ csr, evidence })), refused('/ticket')],
    [
      'with a secret of 31 bytes is refused',
      edit((join) => ({ ...join, evidence: { ...join.evidence, activationSecret: 'A'.repeat(42) } })),
      refused('/evidence/activationSecret'),
    ],
    [
      'with a PCR in capitals is refused',
      edit((join) => ({ ...join, evidence: { ...join.evidence, pcrs: { sha256: { 0: 'AB'.repeat(32) } } } })),
      refused('/evidence/pcrs/sha256/0'),
    ],
    [
      'with a PCR 24 is refused',
      edit((join) => ({ ...join, evidence: { ...join.evidence, pcrs: { sha256: { 24: 'ab'.repeat(32) } } } })),
      refused('/evidence/pcrs/sha256/24'),
    ],
    [
      'with a SHA-1 bank is refused',
      edit((join) => ({ ...join, evidence: { ...join.evidence, pcrs: { sha1: { 0: 'ab'.repeat(20) } } } })),
      refused('/evidence/pcrs/sha1'),
    ],
    ['with a request over 4 KiB is refused', edit((join) => ({ ...join, csr: 'A'.repeat(6_000) })), refused('/csr')],
    [
      'with a quote cut short is refused',
      edit((join) => ({
        ...join,
        evidence: { ...join.evidence, quoted: cutShort(String(join.evidence['quoted'])) },
      })),
      { status: 403, problem: 'evidence-rejected', pointers: [] },
    ],
    [
      'with a request that is not DER is refused',
      edit((join) => ({ ...join, csr: 'AAAA' })),
      { status: 400, problem: 'csr-rejected', pointers: [] },
    ],
    [
      'with a ticket of its own making is refused',
      edit((join) => ({ ...join, ticket: 'A'.repeat(800) })),
      { status: 409, problem: 'challenge-invalid', pointers: [] },
    ],
  ])('%s', async (_, body, expected) => {
    expect(await outcome({ path: '/v1/joins', body: JSON.stringify(await body()) })).toEqual(expected);
  });

  test('over its limit is refused', async () => {
    const body = JSON.stringify({ ...(await goodJoin()), x: 'a'.repeat(262_144) });
    expect(await outcome({ path: '/v1/joins', body })).toMatchObject({ status: 413, problem: 'payload-too-large' });
  });
});
