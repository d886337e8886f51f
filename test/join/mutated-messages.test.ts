import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { newRequestId, spkiFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { parseCsr } from '#pki/x509/csr.ts';
import { type ProblemName, PROBLEMS } from '#protocol/problem.ts';
import { originOf } from '#services/http/origin.ts';
import { problemOf } from '#services/http/problem-response.ts';
import type { Anonymous, Answer, Route } from '#services/http/route.ts';
import { parseStrictJson } from '#core/strict-json.ts';
import { joinRoutes } from '#services/join/routes.ts';
import { FUZZ_RUNS } from '#test/lab/fuzz-runs.ts';
import { answerOf, challengeFor, challengeRequestOf, HOME, type JoinLab, joinLab } from '#test/lab/join-lab.ts';
import { hostileBytes } from '#test/lab/mutate.ts';
import { challengeBody, joinBody } from '#test/lab/wire.ts';

/** A message that takes more is a hang. Of this thread's processor time: how busy the machine is with other things does not count. */
const SLOWEST_MS = 50;

/** What an honest caller may be told; a fault of the service's own is never among them. */
const LISTED = new Set<string>((Object.keys(PROBLEMS) as ProblemName[]).filter((name) => PROBLEMS[name].status < 500));

/** Messages that one laboratory sees: its memory grows with every record. */
const PER_LAB = 500;
/** Changed joins for one ticket: the first that brings the ticket back whole spends it. */
const PER_TICKET = 5;

/** One join service, what an honest node would send it, and the keys that honest joins were about. */
interface Target {
  readonly lab: JoinLab;
  readonly challenges: Route<Anonymous>;
  readonly joins: Route<Anonymous>;
  readonly challenge: object;
  readonly freshJoin: () => Promise<object>;
  readonly honestKeys: Set<string>;
}

async function newTarget(): Promise<Target> {
  const lab = await joinLab();
  const [challenges, joins] = joinRoutes(lab.deps);
  if (challenges === undefined || joins === undefined) throw new Error('two routes');
  const honestKeys = new Set<string>();
  const freshJoin = async (): Promise<object> => {
    const request = answerOf(await challengeFor(lab), lab.tpm);
    honestKeys.add(spkiFingerprint(parseCsr(request.csr).publicKey.raw));
    return joinBody(request);
  };
  return { lab, challenges, joins, challenge: challengeBody(challengeRequestOf(lab.tpm)), freshJoin, honestKeys };
}

/** Reads `bytes` as the listener would and runs the route; resolves to the problem's name or the status. */
async function send(route: Route<Anonymous>, bytes: Uint8Array): Promise<string> {
  const started = process.threadCpuUsage();
  const answer = await run(route, bytes);
  const { user, system } = process.threadCpuUsage(started);
  if (user + system > SLOWEST_MS * 1_000) throw new Error(`took ${user + system} µs`);
  return 'problem' in answer ? answer.problem : String(answer.status);
}

async function run(route: Route<Anonymous>, bytes: Uint8Array): Promise<Answer> {
  try {
    return await route.run({
      caller: 'anonymous',
      params: {},
      queryString: '',
      requestId: newRequestId(systemRandom),
      origin: originOf(HOME),
      hasBody: true,
      header: () => undefined,
      readBody: () => Promise.resolve(parseAsListener(bytes)),
    });
  } catch (error) {
    return problemOf(error);
  }
}

function parseAsListener(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof Error && error.name === 'JsonFormatError') return undefined;
    throw error;
  }
}

/** The JSON text with a few bytes changed anywhere. */
const changedText = (message: object) => hostileBytes([Buffer.from(JSON.stringify(message))], 256);

/** The message with bytes changed inside one of its binary members, and everything about them as it was. */
function changedMember(message: object): fc.Arbitrary<Uint8Array> {
  const members = binaryMembers(message, []);
  return fc.constantFrom(...members).chain(({ path, bytes }) =>
    hostileBytes([bytes], 128).map((changed) => {
      const copy = structuredClone(message);
      setMember(copy, path, Buffer.from(changed).toString('base64url'));
      return Buffer.from(JSON.stringify(copy));
    }),
  );
}

interface Member {
  readonly path: readonly string[];
  readonly bytes: Uint8Array;
}

function binaryMembers(value: unknown, path: readonly string[]): readonly Member[] {
  if (typeof value === 'string' && value.length > 20 && !path.includes('pcrs')) {
    return [{ path, bytes: Buffer.from(value, 'base64url') }];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => binaryMembers(member, [...path, name]));
}

function setMember(message: object, path: readonly string[], value: string): void {
  const [name = '', ...rest] = path;
  const holder = message as Record<string, unknown>;
  if (rest.length === 0) holder[name] = value;
  else setMember(holder[name] as object, rest, value);
}

/** Sizes of the batches that FUZZ_RUNS messages are sent in. */
function* batches(size: number): Generator<number> {
  for (let left = FUZZ_RUNS; left > 0; left -= size) yield Math.min(size, left);
}

const isListed = (told: string): boolean => told === '201' || LISTED.has(told);

describe(`${FUZZ_RUNS} changed messages of each kind get an answer from the list, at once`, () => {
  const timeout = 60_000 + FUZZ_RUNS * 20;

  test('messages as they should be are answered', async () => {
    const { challenges, joins, challenge, freshJoin } = await newTarget();
    expect(await send(challenges, Buffer.from(JSON.stringify(challenge)))).toBe('201');
    expect(await send(joins, Buffer.from(JSON.stringify(await freshJoin())))).toBe('201');
  });

  test.each([
    ['text', changedText],
    ['binary members', changedMember],
  ])('challenges, changed in their %s', { timeout }, async (_, arbitrary) => {
    for (const numRuns of batches(PER_LAB)) {
      const { challenges, challenge } = await newTarget();
      const told = fc.asyncProperty(arbitrary(challenge), async (bytes) => {
        expect(await send(challenges, bytes)).toSatisfy(isListed);
      });
      await fc.assert(told, { numRuns });
    }
  });

  test.each([
    ['text', changedText],
    ['binary members', changedMember],
  ])('joins, changed in their %s, certify no other key', { timeout }, async (_, arbitrary) => {
    const outcomes = new Set<string>();
    let target = await newTarget();
    let sent = 0;
    for (const numRuns of batches(PER_TICKET)) {
      if (sent > 0 && sent % PER_LAB === 0) {
        await expectHonestKeys(target);
        target = await newTarget();
      }
      const { joins, freshJoin } = target;
      const told = fc.asyncProperty(arbitrary(await freshJoin()), async (bytes) => {
        const name = await send(joins, bytes);
        outcomes.add(name);
        expect(name).toSatisfy(isListed);
      });
      await fc.assert(told, { numRuns });
      sent += numRuns;
    }
    await expectHonestKeys(target);
    expect(outcomes.size).toBeGreaterThan(2);
  });
});

async function expectHonestKeys({ lab, honestKeys }: Target): Promise<void> {
  const issued = await lab.store.listCertificates(lab.node.id, 10_000);
  expect(issued.filter(({ spkiFingerprint: key }) => !honestKeys.has(key))).toEqual([]);
}
