import { createPublicKey } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { joinCluster } from '#agent/join-cluster.ts';
import { type JoinService, openJoinService } from '#agent/client.ts';
import type { AgentConfig } from '#agent/config.ts';
import { systemSleep } from '#agent/sleep.ts';
import { systemClock } from '#core/clock.ts';
import { spkiFingerprint } from '#core/ids.ts';
import { pooledRandom } from '#core/random.ts';
import { labKey } from '#test/lab/node-ca.ts';

import { labAttester } from './lab-attester.ts';
import type { Attempt, Ledger, LedgerJoin } from './ledger.ts';
import type { Machine } from './machines.ts';

export interface LoadOptions {
  readonly machines: readonly Machine[];
  readonly configOf: (name: string) => AgentConfig;
  readonly perSecond: number;
  readonly ledger: Ledger;
  /** Milliseconds since the load began. */
  readonly elapsedMs: () => number;
}

const TURN_MS = 10;
const random = pooledRandom();

/**
 * Joins that begin at a fixed rate, whatever became of those before; each is the agent's own, with its patience. A machine joins once at a
 * time, and the one that waited longest is next.
 */
export class Load implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #gone = new AbortController();
  readonly #idle: Machine[];
  readonly #running = new Set<Promise<void>>();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#idle = [...options.machines];
  }

  /** Begins joins until `until` aborts. */
  async run(until: AbortSignal): Promise<void> {
    const { perSecond, ledger, elapsedMs } = this.#options;
    for (let begun = 0; !until.aborted;) {
      const due = Math.floor((elapsedMs() * perSecond) / 1_000);
      for (; begun < due; begun += 1) {
        const machine = this.#idle.shift();
        if (machine === undefined) ledger.turnedAway += 1;
        else this.#begin(machine);
      }
      await pause(TURN_MS);
    }
  }

  /** Resolves when every join that was begun has ended. */
  async drained(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Breaks off what is under way; nothing is after a load that was drained. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone.abort();
    await this.drained();
  }

  #begin(machine: Machine): void {
    const running = this.#join(machine).finally(() => {
      this.#running.delete(running);
      this.#idle.push(machine);
    });
    this.#running.add(running);
  }

  async #join({ name, tpm }: Machine): Promise<void> {
    const { ledger, elapsedMs, configOf } = this.#options;
    const config = configOf(name);
    const join = ledger.begin(name, elapsedMs());
    const { signal } = this.#gone;
    using service = openJoinService({ ...config, random, now: systemClock, signal });
    try {
      const outcome = await joinCluster(
        {
          now: systemClock,
          elapsedMs,
          sleep: async (ms) => {
            await systemSleep(ms, signal);
            signal.throwIfAborted();
          },
          random,
          progress: (line) => {
            if (line.includes('asking again')) join.retries += 1;
          },
          service: this.#witnessed(service, join),
          openAttester: () => Promise.resolve(labAttester(tpm)),
          newKey: () => {
            const key = labKey();
            const spki = spkiFingerprint(createPublicKey(key).export({ type: 'spki', format: 'der' }));
            join.attempts.push({ machine: name, spki, ticket: undefined, received: [] });
            return key;
          },
        },
        config,
      );
      const { status } = outcome;
      if (status === 'joined') ledger.end(join, elapsedMs(), status, outcome.certificate.serial);
      else
        ledger.end(
          join,
          elapsedMs(),
          status === 'refused' ? `refused: ${outcome.problem}` : `${status}: ${outcome.reason}`,
        );
    } catch (error) {
      ledger.end(join, elapsedMs(), `failed: ${String(error)}`);
    }
  }

  /** `service`, with everything it answers in the ledger. */
  #witnessed(service: JoinService, join: LedgerJoin): JoinService {
    const { ledger, elapsedMs } = this.#options;
    const current = (): Attempt => {
      const attempt = join.attempts.at(-1);
      if (attempt === undefined) throw new Error('an agent makes its key before it asks');
      return attempt;
    };
    return {
      ...service,
      requestChallenge: async (request) => {
        const sentMs = elapsedMs();
        const answer = await service.requestChallenge(request);
        ledger.answered('challenge', sentMs, elapsedMs(), answer);
        if (answer.status === 'ok') current().ticket = answer.value.ticket;
        return answer;
      },
      submitJoin: async (prepared) => {
        const sentMs = elapsedMs();
        const answer = await service.submitJoin(prepared);
        ledger.answered('join', sentMs, elapsedMs(), answer);
        if (answer.status === 'ok' && 'certificate' in answer.value) {
          const { serial, fingerprint } = answer.value.certificate;
          current().received.push({ serial, fingerprint });
        }
        return answer;
      },
    };
  }
}
