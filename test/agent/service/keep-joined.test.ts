import { describe, expect, test } from 'vitest';

import type { HeldCheck, HeldCredential } from '#agent/held-credential.ts';
import type { JoinedNode } from '#agent/join-cluster.ts';
import { keepJoined } from '#agent/service/keep-joined.ts';
import { Nudge } from '#agent/service/nudge.ts';
import { wakefulPause } from '#agent/service/pause.ts';
import type { RoundOutcome } from '#agent/service/round.ts';
import { CommandFailure } from '#core/exit-code.ts';
import { certificateFingerprint, type NodeName } from '#core/ids.ts';
import { virtualTime } from '#test/fakes/virtual-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = new Date(Date.UTC(2026, 10, 21));

type Answer = 'issue' | Exclude<RoundOutcome, JoinedNode>;

const refused: Answer = { status: 'refused', problem: 'evidence-rejected', requestId: 'r-1' };
const away: Answer = { status: 'unreachable', reason: 'nobody answers' };

/** An agent that keeps joined at a service whose certificates live for ten hours, in time that the test moves. */
function lab({ renewShare = 0.6, randomByte = 0x80 } = {}) {
  const time = virtualTime(START);
  const stop = new AbortController();
  const nudge = new Nudge();
  const journal: string[] = [];
  const reports: { valid: boolean; text: string }[] = [];
  const rounds: number[] = [];
  let disk: HeldCheck = { status: 'none' };
  let answer: Answer = 'issue';
  let issued = 0;

  const hours = (): number => Math.round((time.now().getTime() - START.getTime()) / (HOUR / 1_000)) / 1_000;
  const issue = (life = 10 * HOUR, backdated = 0): HeldCredential => {
    issued += 1;
    const notBefore = new Date(time.now().getTime() - backdated);
    const notAfter = new Date(time.now().getTime() + life);
    const fingerprint = certificateFingerprint(Uint8Array.of(issued));
    const credential = { keyPem: 'k', chainPem: `c${issued}`, notBefore, notAfter, fingerprint };
    disk = { status: 'held', credential };
    return credential;
  };
  let issueNext = () => issue();
  const start = () =>
    keepJoined(
      {
        ...time,
        random: (length) => Buffer.alloc(length, randomByte),
        pause: wakefulPause({ ...time, alive: () => undefined }),
        nodeName: 'worker-7' as NodeName,
        nudge,
        journal: (line) => void journal.push(line),
        held: () => Promise.resolve(disk),
        report: (credential, text) => void reports.push({ valid: credential !== undefined, text }),
        round: (isDone) => {
          rounds.push(hours());
          return isDone().then((done): RoundOutcome => {
            if (done) return { status: 'superseded' };
            if (answer !== 'issue') return answer;
            const { notBefore, notAfter, fingerprint } = issueNext();
            const renewAt = new Date(notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * renewShare);
            return {
              status: 'joined',
              node: { id: 'i', name: 'worker-7', pool: 'general', protectionRating: 'default' },
              certificate: {
                serial: '01',
                fingerprint,
                notAfter: notAfter.toISOString(),
                renewAt: renewAt.toISOString(),
              },
              nodeLabels: {},
              registerWithTaints: [],
              credentialFile: '/none',
              kubeconfigFile: '/none',
            };
          });
        },
      },
      stop.signal,
    );
  // When the test has said what there is.
  const running = Promise.resolve().then(start);
  return {
    time,
    nudge,
    journal,
    reports,
    rounds,
    issue,
    disk: () => disk,
    put: (check: HeldCheck) => (disk = check),
    answerWith: (next: Answer) => (answer = next),
    issueWith: (next: () => HeldCredential) => (issueNext = next),
    last: () => reports.at(-1),
    async end() {
      stop.abort();
      await time.pass(0);
      await running;
    },
  };
}

describe('a node that is kept joined', () => {
  test('joins at once, and attests again when the service said', async () => {
    const agent = lab();
    await agent.time.pass(20 * HOUR);
    await agent.end();
    expect(agent.rounds).toEqual([0, 6, 12, 18]);
    expect(agent.journal).toHaveLength(5);
  });

  test('attests again between 50 and 70 % of the life whatever the service said', async () => {
    for (const [renewShare, rounds] of [
      [0, [0, 5, 10, 15]],
      [7, [0, 7, 14]],
    ] as const) {
      const agent = lab({ renewShare });
      await agent.time.pass(19 * HOUR);
      await agent.end();
      expect(agent.rounds).toEqual(rounds);
    }
  });

  test('does not join when it is started again with a certificate that is good for long', async () => {
    const agent = lab();
    agent.issue();
    await agent.time.pass(5 * HOUR - MINUTE);
    expect(agent.rounds).toEqual([]);
    expect(agent.last()?.valid).toBe(true);
    await agent.time.pass(2 * HOUR + 2 * MINUTE);
    await agent.end();
    expect(agent.rounds).toHaveLength(1);
  });

  test('keeps its certificate while the service is away, asks again and again, and is joined when it is back', async () => {
    const agent = lab();
    await agent.time.pass(5 * HOUR);
    const before = agent.disk();
    agent.answerWith(away);
    await agent.time.pass(3 * HOUR);
    expect(agent.disk()).toBe(before);
    expect(agent.last()?.valid).toBe(true);
    expect(agent.rounds.length).toBeGreaterThan(120);
    expect(agent.journal.at(-1)).toMatch(
      /^The join service does not answer, nobody answers: .* The present certificate stays in use until 2026-11-21T10:00:00.000Z; asking again in \d+ s\.$/,
    );
    agent.answerWith('issue');
    await agent.time.pass(MINUTE);
    await agent.end();
    expect(agent.disk()).not.toBe(before);
  });

  test('comes back by itself after it slept past the end of its certificate', async () => {
    const agent = lab();
    await agent.time.pass(HOUR);
    agent.time.suspend(48 * HOUR);
    await agent.time.pass(10_000);
    await agent.end();
    expect(agent.rounds).toHaveLength(2);
    expect(agent.last()?.valid).toBe(true);
  });

  test('comes back by itself after sleep in the middle of a long wait', async () => {
    const agent = lab();
    agent.answerWith(refused);
    await agent.time.pass(4 * HOUR);
    const asked = agent.rounds.length;
    agent.answerWith('issue');
    agent.time.suspend(HOUR);
    await agent.time.pass(10_000);
    await agent.end();
    expect(agent.rounds).toHaveLength(asked + 1);
    expect(agent.last()?.valid).toBe(true);
  });

  test('that is refused says so with the request, ages out, and comes back when it is admitted again', async () => {
    const agent = lab();
    await agent.time.pass(5 * HOUR);
    agent.answerWith(refused);
    await agent.time.pass(2 * HOUR);
    expect(agent.journal.at(-1)).toMatch(
      /^The service refused this node \(evidence-rejected\), .*muster joins show r-1`\. The present certificate stays in use until .*; asking again in \d+ min\.$/,
    );
    expect(agent.last()).toMatchObject({ valid: true, text: expect.stringContaining('evidence-rejected') });
    await agent.time.pass(4 * HOUR);
    expect(agent.last()).toMatchObject({ valid: false, text: expect.stringContaining('evidence-rejected') });
    expect(agent.journal).toContainEqual(expect.stringMatching(/^This node has no valid certificate: the one it has /));
    expect(agent.journal.at(-1)).toContain('This node has no valid certificate; asking again in');
    agent.answerWith('issue');
    await agent.time.pass(30 * MINUTE);
    await agent.end();
    expect(agent.last()).toMatchObject({ valid: true, text: expect.stringContaining('Certificate valid until') });
  });

  test('that is refused asks ever more rarely, and twice an hour at least', async () => {
    const agent = lab();
    agent.answerWith(refused);
    await agent.time.pass(24 * HOUR);
    await agent.end();
    const gaps = agent.rounds.slice(1).map((hour, i) => Math.round((hour - (agent.rounds[i] ?? 0)) * 60));
    expect(gaps.slice(0, 5)).toEqual([2, 3, 6, 12, 23]);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30);
  });

  test('waits what the service asks, and a random part beyond it', async () => {
    for (const [randomByte, second] of [
      [0x00, 10],
      [0xff, 15],
    ] as const) {
      const agent = lab({ randomByte });
      agent.answerWith({ status: 'not-yet', reason: 'the service says rate-limited', retryAfterSeconds: 600 });
      await agent.time.pass(16 * MINUTE);
      await agent.end();
      expect(Math.round((agent.rounds[1] ?? 0) * 60)).toBe(second);
    }
  });

  test('goes on when the machine cannot attest, and says why', async () => {
    const agent = lab();
    agent.answerWith({ status: 'failed', failure: new CommandFailure(69, 'There is no TPM: look.') });
    await agent.time.pass(HOUR);
    expect(agent.journal.at(-1)).toMatch(
      /^There is no TPM: look\. This node has no valid certificate; asking again in /,
    );
    agent.answerWith('issue');
    await agent.time.pass(30 * MINUTE);
    await agent.end();
    expect(agent.last()?.valid).toBe(true);
  });

  test('attests at once when it is told to, and once', async () => {
    const agent = lab();
    await agent.time.pass(HOUR);
    agent.nudge.give();
    await agent.time.pass(2 * HOUR);
    await agent.end();
    expect(agent.rounds).toEqual([0, 1]);
  });

  test('attests at once when it is told to while it waits to be asked again', async () => {
    const agent = lab();
    agent.answerWith(refused);
    await agent.time.pass(HOUR);
    const asked = agent.rounds.length;
    agent.answerWith('issue');
    agent.nudge.give();
    await agent.time.pass(0);
    await agent.end();
    expect(agent.rounds).toHaveLength(asked + 1);
    expect(agent.last()?.valid).toBe(true);
  });

  test('uses what another program of the agent got', async () => {
    const agent = lab();
    await agent.time.pass(5 * HOUR);
    agent.issue();
    await agent.time.pass(4 * HOUR);
    await agent.end();
    expect(agent.rounds).toEqual([0]);
  });

  test('takes nothing that others may have read', async () => {
    const agent = lab();
    agent.put({ status: 'unusable', reason: 'node.pem is open to others' });
    await agent.time.pass(0);
    await agent.end();
    expect(agent.journal[0]).toBe('This node has no valid certificate: node.pem is open to others.');
    expect(agent.rounds).toEqual([0]);
  });

  test('does not join all the time where certificates come that are due at once', async () => {
    const agent = lab();
    // The service comes to its senses after fifty, lest a node that does join all the time never ends.
    agent.issueWith(() => (agent.rounds.length < 50 ? agent.issue(10 * HOUR, 100 * HOUR) : agent.issue()));
    await agent.time.pass(10 * MINUTE);
    await agent.end();
    expect(agent.rounds).toHaveLength(11);
  });

  test('keeps a certificate that is from the future by no more than a clock may be behind', async () => {
    const agent = lab();
    agent.issue(10 * HOUR, -4 * MINUTE);
    await agent.time.pass(HOUR);
    await agent.end();
    expect(agent.rounds).toEqual([]);
  });
});
