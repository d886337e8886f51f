import { describe, expect, test } from 'vitest';

import type { HeartbeatAnswer } from '#agent/heartbeat-client.ts';
import type { HeldCheck } from '#agent/held-credential.ts';
import { keepBeating } from '#agent/service/keep-beating.ts';
import { wakefulPause } from '#agent/service/pause.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { heartbeatRequestSchema } from '#protocol/heartbeat.ts';
import type { ProblemName } from '#protocol/problem.ts';
import { virtualTime } from '#test/fakes/virtual-time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const START = new Date(Date.UTC(2026, 10, 21));

const ok = (nextSeconds = 30, renewNow = false): HeartbeatAnswer => ({
  status: 'ok',
  value: { nextSeconds, renewNow },
});
const refuse = (problem: ProblemName, retry: 'never' | 'same-request', retryAfterSeconds = 0): HeartbeatAnswer => ({
  status: 'problem',
  problem,
  httpStatus: 403,
  retry,
  retryAfterSeconds,
  requestId: 'r-1',
  detail: undefined,
});

/** An agent whose heart beats, in time that the test moves. */
function lab(randomByte = 0x00) {
  const time = virtualTime(START);
  const stop = new AbortController();
  const beats: number[] = [];
  const requests: unknown[] = [];
  const journal: string[] = [];
  let answer = ok();
  let told = 0;
  const hold = (number: number): HeldCheck => ({
    status: 'held',
    credential: {
      keyPem: 'k',
      chainPem: 'c',
      notBefore: START,
      notAfter: new Date(START.getTime() + 10 * HOUR),
      fingerprint: certificateFingerprint(Uint8Array.of(number)),
    },
  });
  let disk: HeldCheck = hold(1);
  const start = () =>
    keepBeating(
      {
        ...time,
        random: (length) => Buffer.alloc(length, randomByte),
        pause: wakefulPause({ ...time, alive: () => undefined }),
        held: () => Promise.resolve(disk),
        service: {
          beat: (_identity, request) => {
            beats.push(Math.round(time.elapsedMs() / SECOND));
            requests.push(request);
            return Promise.resolve(answer);
          },
        },
        bootId: '0b0f3b52-6b0a-4f0e-9d55-7d0a52a7c1de',
        agentVersion: '0.1.0',
        renewNow: () => void (told += 1),
        journal: (line) => void journal.push(line),
      },
      stop.signal,
    );
  const running = Promise.resolve().then(start);
  return {
    time,
    beats,
    requests,
    journal,
    told: () => told,
    answerWith: (next: HeartbeatAnswer) => (answer = next),
    hold: (number: number) => (disk = hold(number)),
    drop: () => (disk = { status: 'none' }),
    async end() {
      stop.abort();
      await time.pass(0);
      await running;
    },
  };
}

describe('a heart', () => {
  test('beats as often as the service asks, and says what the protocol has', async () => {
    const agent = lab();
    agent.answerWith(ok(60));
    await agent.time.pass(5 * MINUTE);
    await agent.end();
    expect(agent.beats).toEqual([0, 60, 120, 180, 240, 300]);
    expect(heartbeatRequestSchema.parse(agent.requests[1])).toMatchObject({ clock: '2026-11-21T00:01:00.000Z' });
    expect(agent.journal).toEqual([]);
  });

  test('beats a little sooner at random, and never later than it should', async () => {
    const agent = lab(0xff);
    agent.answerWith(ok(100));
    await agent.time.pass(300 * SECOND);
    await agent.end();
    expect(agent.beats).toEqual([5, 95, 185, 275]);
  });

  test('is silent while there is no valid certificate', async () => {
    const agent = lab();
    agent.drop();
    await agent.time.pass(HOUR);
    expect(agent.beats).toEqual([]);
    agent.hold(1);
    await agent.time.pass(MINUTE);
    expect(agent.beats.length).toBeGreaterThan(0);
    await agent.time.pass(10 * HOUR);
    const last = agent.beats.at(-1) ?? 0;
    await agent.end();
    expect(last * SECOND).toBeLessThan(10 * HOUR);
  });

  test('makes the node attest again when the service asks for it, once for each certificate', async () => {
    const agent = lab();
    agent.answerWith(ok(30, true));
    await agent.time.pass(10 * MINUTE);
    expect(agent.told()).toBe(1);
    agent.hold(2);
    await agent.time.pass(10 * MINUTE);
    await agent.end();
    expect(agent.told()).toBe(2);
    expect(agent.journal).toHaveLength(2);
  });

  test('does not make the node attest all the time at a service that always asks for it', async () => {
    const agent = lab();
    agent.answerWith(ok(5, true));
    for (let i = 2; i < 122; i++) {
      await agent.time.pass(5 * SECOND);
      agent.hold(i);
    }
    await agent.end();
    expect(agent.told()).toBeLessThanOrEqual(11);
  });

  test.each<[string, HeartbeatAnswer, RegExp, number, number]>([
    [
      'a node that is barred',
      refuse('node-barred', 'never'),
      /refused this node’s heartbeat \(node-barred, request r-1\); an administrator has barred or quarantined it/,
      6,
      12,
    ],
    ['a node without leave', refuse('permission-denied', 'never'), /\(permission-denied, request r-1\)/, 6, 12],
    [
      'a service without heartbeats',
      { status: 'not-served' },
      /does not serve heartbeats; the agent goes on with/,
      1,
      1,
    ],
    ['an answer that is none', { status: 'unusable', reason: 'it is not JSON' }, /because it is not JSON/, 6, 12],
    [
      'a service that is away',
      { status: 'unreachable', reason: 'nobody answers' },
      /do not get through, nobody /,
      24,
      120,
    ],
    ['a busy service', refuse('overloaded', 'same-request', 120), /not take heartbeats now \(overloaded\)/, 20, 30],
  ])('goes on for %s, ever so slowly, and says so in one line', async (_what, answer, line, least, most) => {
    const agent = lab(0x80);
    agent.answerWith(answer);
    await agent.time.pass(HOUR - MINUTE);
    expect(agent.journal).toEqual([expect.stringMatching(line)]);
    expect(agent.beats.length).toBeGreaterThanOrEqual(least);
    expect(agent.beats.length).toBeLessThanOrEqual(most);
    agent.answerWith(ok());
    await agent.time.pass(HOUR + MINUTE);
    await agent.end();
    expect(agent.journal.slice(1)).toEqual(['The service takes this node’s heartbeats.']);
  });
});
