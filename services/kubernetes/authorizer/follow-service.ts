import type { Bytes } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';
import type { Log } from '#services/http/request-log.ts';

import type { Knowledge, StatementRefusal } from './knowledge.ts';

export interface FollowDeps {
  readonly knowledge: Knowledge;
  /** Asks the service for what came after a change, or for the whole. Rejects when it does not answer. */
  readonly fetchStatement: (after: number | undefined, stop: AbortSignal) => Promise<Bytes>;
  /** Resolves after so many milliseconds, or when `stop` aborts. */
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly random: RandomSource;
  readonly log: Log;
  readonly onFailure: () => void;
  readonly onRefusal: (refusal: StatementRefusal) => void;
}

/** Between two requests: changes that come together are fetched together. */
const BETWEEN_MS = 100;
const RETRY_FIRST_MS = 200;
const RETRY_LAST_MS = 5_000;

/**
 * Follows the service until `stop` aborts. While the service is away what is known stays known, and only grows old; when it is back, what
 * was missed is asked for by its number.
 */
export async function followService(deps: FollowDeps, stop: AbortSignal): Promise<void> {
  const { knowledge, pause } = deps;
  let failures = 0;
  let wantsWhole = false;
  while (!stop.aborted) {
    const after = wantsWhole ? undefined : knowledge.continuesAfter;
    const outcome = await askOnce(deps, after, stop);
    if (stop.aborted) return;
    // A whole statement that was refused is no cure for another refusal.
    wantsWhole = outcome === 'gap' || outcome === 'not-whole';
    failures = outcome === 'taken' ? 0 : failures + 1;
    await pause(failures === 0 ? BETWEEN_MS : retryAfter(failures, deps.random), stop);
  }
}

async function askOnce(
  { knowledge, fetchStatement, log, onFailure, onRefusal }: FollowDeps,
  after: number | undefined,
  stop: AbortSignal,
): Promise<'taken' | 'failed' | StatementRefusal> {
  try {
    const refusal = await knowledge.take(await fetchStatement(after, stop));
    if (refusal === undefined) return 'taken';
    onRefusal(refusal);
    log.error({ refusal, after }, 'a statement of the service is refused');
    return refusal;
  } catch (error) {
    if (stop.aborted) return 'failed';
    onFailure();
    log.warn({ err: error }, 'the service cannot be followed now');
    return 'failed';
  }
}

/** Doubles up to five seconds, and from half to all of it by chance: authorizers that lost the service together do not return together. */
function retryAfter(failures: number, random: RandomSource): number {
  const most = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return most * (0.5 + (random(1)[0] ?? 0) / 512);
}
