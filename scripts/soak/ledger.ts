import type { Answer } from '#agent/answer.ts';
import type { SpkiFingerprint } from '#core/ids.ts';

/** One request of an agent's and what came of it, times in milliseconds since the load began. */
export interface Exchange {
  readonly step: 'challenge' | 'join';
  readonly sentMs: number;
  readonly endedMs: number;
  /** `ok`, a problem's name, or how else it ended. */
  readonly outcome: string;
  readonly kind: Answer<unknown>['status'];
  readonly requestId: string | undefined;
}

/** One challenge answered with one key: at most one certificate may come of it. */
export interface Attempt {
  readonly machine: string;
  readonly spki: SpkiFingerprint;
  /** Undefined until a challenge was got. */
  ticket: string | undefined;
  /** Every certificate that was got, as often as it was: by serial. */
  readonly received: { readonly serial: string; readonly fingerprint: string }[];
}

/** One join as its agent saw it, from its first request to its end. */
export interface LedgerJoin {
  readonly machine: string;
  readonly startedMs: number;
  readonly attempts: Attempt[];
  /** Requests that were made again, or made anew. */
  retries: number;
  endedMs: number | undefined;
  /** `joined`, or how else it ended. */
  outcome: string | undefined;
  /** The certificate that was installed. */
  installed: string | undefined;
}

/** What the agents were told, all of it: the store is held to this at the end. */
export class Ledger {
  readonly exchanges: Exchange[] = [];
  readonly joins: LedgerJoin[] = [];
  /** Joins that could not begin, because every machine was joining. */
  turnedAway = 0;

  begin(machine: string, startedMs: number): LedgerJoin {
    const join: LedgerJoin = {
      machine,
      startedMs,
      attempts: [],
      retries: 0,
      endedMs: undefined,
      outcome: undefined,
      installed: undefined,
    };
    this.joins.push(join);
    return join;
  }

  get inFlight(): number {
    return this.joins.length - this.joined - this.failed;
  }

  /** Joins that ended with a certificate. */
  joined = 0;
  /** Joins that ended without one. */
  failed = 0;

  end(join: LedgerJoin, endedMs: number, outcome: string, installed?: string): void {
    join.endedMs = endedMs;
    join.outcome = outcome;
    join.installed = installed;
    if (outcome === 'joined') this.joined += 1;
    else this.failed += 1;
  }

  answered(step: Exchange['step'], sentMs: number, endedMs: number, answer: Answer<unknown>): void {
    const requestId = answer.status === 'problem' ? answer.requestId : undefined;
    this.exchanges.push({ step, sentMs, endedMs, outcome: outcomeOf(answer), kind: answer.status, requestId });
  }
}

function outcomeOf(answer: Answer<unknown>): string {
  switch (answer.status) {
    case 'ok':
      return 'ok';
    case 'problem':
      return answer.problem ?? `HTTP ${answer.httpStatus}`;
    case 'unreachable':
    case 'unusable':
      // Without the address, so that the same reason is one kind.
      return answer.reason.replace(/^https:\S+ cannot be reached: /, '');
  }
}
