import { type CommandFailure, EXIT } from '#core/exit-code.ts';

import type { AgentConfig } from '../config.ts';
import { explainError } from '../explain.ts';
import type { JoinOutcome } from '../join-cluster.ts';
import { acquireJoinLock } from '../join-lock.ts';
import { joinNode, type JoinNodeDeps } from '../join-node.ts';
import type { Sleep } from '../sleep.ts';
import type { Nudge } from './nudge.ts';
import type { Pause } from './pause.ts';

/** What one attempt at a certificate came to. */
export type RoundOutcome =
  | JoinOutcome
  /** Another program of this agent on this machine has joined meanwhile. */
  | { readonly status: 'superseded' }
  /** The machine does not allow it: no TPM, no disk. The failure is for the journal. */
  | { readonly status: 'failed'; readonly failure: CommandFailure }
  /** The service is stopping, or reads its configuration again. */
  | { readonly status: 'interrupted' };

export interface RoundDeps extends Omit<JoinNodeDeps, 'sleep' | 'signal'> {
  readonly pause: Pause;
  readonly nudge: Nudge;
  readonly signal: AbortSignal;
  /** True when no certificate is needed any more. */
  readonly isDone: () => Promise<boolean>;
}

class Interrupted extends Error {}

/**
 * One join under the join lock, as patient as the configuration says. A nudge ends a wait within it, `signal` ends all of it. The files of an earlier
 * join are untouched unless the outcome is `joined`. Throws on bugs alone.
 */
export async function runRound(config: AgentConfig, deps: RoundDeps): Promise<RoundOutcome> {
  const { pause, nudge, signal, isDone } = deps;
  const sleep: Sleep = async (ms) => {
    await pause(ms, AbortSignal.any([signal, nudge.signal]));
    nudge.take();
    if (signal.aborted) throw new Interrupted();
  };
  const place = { directory: config.credentialDirectory, waitSeconds: config.wait.totalSeconds, isDone };
  try {
    using lock = await acquireJoinLock(place, { ...deps, sleep });
    if (lock === undefined || (await isDone())) return { status: 'superseded' };
    const outcome = await joinNode(config, { ...deps, sleep });
    return signal.aborted && outcome.status !== 'joined' ? { status: 'interrupted' } : outcome;
  } catch (error) {
    // Connections that are broken off on purpose fail in ways of their own.
    if (signal.aborted) return { status: 'interrupted' };
    const failure = explainError(error);
    if (failure.exitCode === EXIT.internal) throw error;
    return { status: 'failed', failure };
  }
}
