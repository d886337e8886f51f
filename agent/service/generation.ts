import type { AgentConfig } from '../config.ts';
import { openHeartbeats } from '../heartbeat-client.ts';
import { readHeldCredential } from '../held-credential.ts';
import { keepBeating } from './keep-beating.ts';
import { keepJoined } from './keep-joined.ts';
import type { Liveness } from './liveness.ts';
import type { Nudge } from './nudge.ts';
import { wakefulPause } from './pause.ts';
import type { Readiness } from './readiness.ts';
import { runRound } from './round.ts';
import type { ServiceHost } from './run-service.ts';

/** What outlives a change of the configuration. */
export interface Running {
  readonly host: ServiceHost;
  readonly liveness: Liveness;
  readonly nudge: Nudge;
  readonly readiness: Readiness;
  /** Undefined: there is none, and so there are no heartbeats. */
  readonly bootId: string | undefined;
  readonly agentVersion: string;
}

/** The service's tasks under one configuration, until `controller` is aborted or one of them fails, which ends the other. Throws what it threw. */
export async function runGeneration(config: AgentConfig, running: Running, controller: AbortController): Promise<void> {
  const { signal } = controller;
  const tasks = { join: stayJoined(config, running, signal), heartbeat: stayHeard(config, running, signal) };
  const guard = async ([name, task]: [string, Promise<void>]): Promise<void> => {
    try {
      await task;
    } finally {
      running.liveness.forget(name);
      controller.abort();
    }
  };
  const ends = await Promise.allSettled(Object.entries(tasks).map(guard));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function stayJoined(config: AgentConfig, running: Running, signal: AbortSignal): Promise<void> {
  const { host, nudge, readiness, liveness } = running;
  const alive = liveness.watch('join');
  const pause = wakefulPause({ ...host, alive });
  // Only the first request is spread: later ones come when the node's own certificate says.
  let { wait } = config;
  const progress = (line: string): void => {
    alive();
    host.say(line);
  };
  return keepJoined(
    {
      ...host,
      pause,
      nudge,
      nodeName: config.claimedNodeName,
      journal: host.say,
      held: () => readHeldCredential(config.credentialDirectory, config.claimedNodeName),
      round: async (isDone) => {
        const outcome = await runRound({ ...config, wait }, { ...host, pause, nudge, signal, isDone, progress });
        wait = { ...wait, spreadFirstSeconds: 0 };
        return outcome;
      },
      report: (credential, text) => readiness.report(credential !== undefined, text),
    },
    signal,
  );
}

async function stayHeard(config: AgentConfig, running: Running, signal: AbortSignal): Promise<void> {
  const { host, nudge, liveness, bootId, agentVersion } = running;
  const pause = wakefulPause({ ...host, alive: liveness.watch('heartbeat') });
  if (bootId === undefined) {
    host.say('The kernel does not say which boot this is, so the agent sends no heartbeats.');
    while (!signal.aborted) await pause(3_600_000, signal);
    return;
  }
  using service = openHeartbeats({ ...config, ...host, signal });
  await keepBeating(
    {
      ...host,
      pause,
      service,
      bootId,
      agentVersion,
      journal: host.say,
      held: () => readHeldCredential(config.credentialDirectory, config.claimedNodeName),
      renewNow: () => nudge.give(),
    },
    signal,
  );
}
