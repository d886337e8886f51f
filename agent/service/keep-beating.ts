import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import type { HeartbeatResponse } from '#protocol/heartbeat.ts';

import type { HeartbeatService, HeartbeatAnswer } from '../heartbeat-client.ts';
import { type HeldCheck, type HeldCredential, isValidAt } from '../held-credential.ts';
import { fraction, retryWaitMs } from '../retry.ts';
import type { Pause } from './pause.ts';

export interface KeepBeatingDeps {
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly random: RandomSource;
  readonly pause: Pause;
  readonly held: () => Promise<HeldCheck>;
  readonly service: Pick<HeartbeatService, 'beat'>;
  readonly bootId: string;
  readonly agentVersion: string;
  /** The service wants this node to attest again at once. */
  readonly renewNow: () => void;
  readonly journal: (line: string) => void;
}

/** While the service does not say. */
const USUAL_MS = 30_000;
/** From one look for a certificate to the next, while there is none to show. */
const SILENT_MS = 5_000;
/** While it is away. */
const AWAY_CEILING_MS = 120_000;
/** Where a person must do something first. */
const SLOW_MS = 600_000;
/** Where there are none: a newer service may serve them one day. */
const NOT_SERVED_MS = 3_600_000;
/** A service that says `renewNow` to every heartbeat gets no more joins than this. */
const RENEW_AT_MOST_EVERY_MS = 60_000;

/**
 * Tells the service that this node lives, as often as it asks for, until `signal` is aborted. A node without a valid certificate is silent. What
 * becomes of heartbeats never touches the certificate. The journal has one line when they stop being taken and one when they are again.
 */
export async function keepBeating(deps: KeepBeatingDeps, signal: AbortSignal): Promise<void> {
  const tell = startTelling(deps.journal);
  const obey = startObeying(deps);
  // Machines that were switched on together do not all speak at once.
  await deps.pause(fraction(deps.random(4)) * 5_000, signal);
  while (!signal.aborted) {
    const check = await deps.held();
    if (check.status !== 'held' || !isValidAt(check.credential, deps.now())) {
      await deps.pause(SILENT_MS, signal);
      continue;
    }
    const { bootId, agentVersion } = deps;
    const answer = await deps.service.beat(check.credential, { bootId, agentVersion, clock: deps.now().toISOString() });
    if (signal.aborted) return;
    tell(answer);
    if (answer.status === 'ok') obey(answer.value, check.credential);
    await deps.pause(nextMs(answer, deps.random), signal);
  }
}

function nextMs(answer: HeartbeatAnswer, random: RandomSource): number {
  switch (answer.status) {
    case 'ok':
      // Never later than asked for: the service counts a node as late by it.
      return answer.value.nextSeconds * 1_000 * (1 - fraction(random(4)) / 10);
    case 'not-served':
      return NOT_SERVED_MS;
    case 'unusable':
      return jitter(SLOW_MS, random);
    case 'unreachable':
      return USUAL_MS + retryWaitMs(0, AWAY_CEILING_MS, random);
    case 'problem':
      return answer.retry === 'never'
        ? jitter(SLOW_MS, random)
        : Math.max(USUAL_MS, retryWaitMs(answer.retryAfterSeconds, AWAY_CEILING_MS, random));
  }
}

const jitter = (ms: number, random: RandomSource): number => (ms / 2) * (1 + fraction(random(4)));

/** Passes `renewNow` on once for each certificate, and not for the next one at once. */
function startObeying({ elapsedMs, renewNow, journal }: KeepBeatingDeps) {
  let last: { readonly fingerprint: string; readonly at: number } | undefined;
  return (answer: HeartbeatResponse, { fingerprint }: HeldCredential): void => {
    if (!answer.renewNow || last?.fingerprint === fingerprint) return;
    if (last !== undefined && elapsedMs() - last.at < RENEW_AT_MOST_EVERY_MS) return;
    last = { fingerprint, at: elapsedMs() };
    journal('The service asks this node to attest again at once.');
    renewNow();
  };
}

/** Says what has changed since the last heartbeat, and nothing while it stays the same. */
function startTelling(journal: (line: string) => void) {
  let last = 'ok';
  return (answer: HeartbeatAnswer): void => {
    const [kind, line] = describe(answer);
    if (kind === last) return;
    last = kind;
    journal(line);
  };
}

function describe(answer: HeartbeatAnswer): readonly [kind: string, line: string] {
  switch (answer.status) {
    case 'ok':
      return ['ok', 'The service takes this node’s heartbeats.'];
    case 'not-served':
      return ['not-served', 'The service does not serve heartbeats; the agent goes on without them.'];
    case 'unusable':
      return ['unusable', `The answer to a heartbeat was not used, because ${answer.reason}; trying again, slowly.`];
    case 'unreachable':
      return ['unreachable', `Heartbeats do not get through, ${answer.reason}; trying again.`];
    case 'problem': {
      const name = answer.problem ?? `HTTP ${answer.httpStatus}`;
      if (answer.retry !== 'never')
        return ['later', `The service does not take heartbeats now (${name}); trying again.`];
      const lookUp = answer.requestId === undefined ? '' : `, request ${answer.requestId}`;
      return [
        name,
        `The service refused this node’s heartbeat (${name}${lookUp}); ${REFUSED[name] ?? 'trying again, slowly'}.`,
      ];
    }
  }
}

const REFUSED: Readonly<Record<string, string>> = {
  'node-barred': 'an administrator has barred or quarantined it, and can undo that; trying again, slowly',
};
