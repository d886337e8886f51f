import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';

import { loadConfig } from '../config.ts';
import { explainError } from '../explain.ts';
import type { Sleep } from '../sleep.ts';
import { VERSION } from '../version.ts';
import { readBootId } from './boot-id.ts';
import type { AgentEnvironment } from './config.ts';
import { type Running, runGeneration } from './generation.ts';
import { keepPinging } from './keep-pinging.ts';
import { Liveness } from './liveness.ts';
import { Nudge } from './nudge.ts';
import { startReadiness } from './readiness.ts';
import type { ServiceSignal } from './signals.ts';

export interface ServiceHost {
  readonly now: Clock;
  readonly elapsedMs: () => number;
  readonly random: RandomSource;
  readonly sleep: Sleep;
  /** The journal: one line each. */
  readonly say: (line: string) => void;
  readonly environment: AgentEnvironment;
  /** Has the listener told of what is asked of the service, until it is disposed of. */
  readonly signals: (listener: (signal: ServiceSignal) => void) => Disposable;
}

/**
 * The agent as a service: keeps the node joined and its heart beating until it is told to stop. Told to reload, it goes on with the configuration as
 * it is then; one that cannot be used is said, and the present one stays. Throws ConfigError at its start, and on bugs.
 */
export async function runService(configFile: string, host: ServiceHost): Promise<void> {
  const { elapsedMs, say, environment } = host;
  let config = await loadConfig(configFile);
  const stop = new AbortController();
  let generation = new AbortController();
  const running: Running = {
    host,
    liveness: new Liveness(elapsedMs),
    nudge: new Nudge(),
    readiness: startReadiness(environment.notifySocket, say),
    bootId: await readBootId(),
    agentVersion: VERSION,
  };
  const { readiness, nudge, liveness } = running;

  const reload = async (): Promise<void> => {
    await readiness.reloading();
    try {
      config = await loadConfig(configFile);
      say('The configuration was read again.');
      generation.abort();
    } catch (error) {
      say(`${explainError(error).message} The agent goes on with the one it has.`);
    }
    await readiness.reloaded();
  };
  let reloads: Promise<void> = Promise.resolve();
  using _ = host.signals((signal) => {
    if (signal === 'renew') nudge.give();
    if (signal === 'reload') reloads = reloads.then(reload);
    if (signal !== 'stop') return;
    stop.abort();
    generation.abort();
  });

  say(`The agent runs as ${config.claimedNodeName}.`);
  const pinging =
    environment.notifySocket === undefined
      ? undefined
      : keepPinging({ ...host, ...readiness, ...environment, liveness, journal: say }, stop.signal);
  try {
    while (!stop.signal.aborted) {
      generation = new AbortController();
      await runGeneration(config, running, generation);
      await reloads;
    }
  } finally {
    stop.abort();
    await readiness.stopping();
    await pinging;
  }
  say('The agent has stopped; the credential stays where it is.');
}
