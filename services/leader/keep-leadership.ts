import type { LeaderLock } from '#services/store/leader-lock.ts';
import type { Store } from '#services/store/store.ts';

/** The time for which a process leads. */
export interface Term {
  /** Above that of every term before, of whichever process: writes that take it are refused once there is a later one. */
  readonly number: number;
  /** Aborts when the process leads no longer. */
  readonly ended: AbortSignal;
}

/** Something that is done again and again by the leader alone. */
export interface Duty {
  readonly name: string;
  /** From the end of one run to the begin of the next, in one term. */
  readonly everyMs: number;
  /** Should come to its end soon when the term does. */
  readonly run: (term: Term) => Promise<void>;
}

export interface Leadership extends AsyncDisposable {
  /** The term that runs; undefined: another process leads, or none does. */
  term(): Term | undefined;
  /**
   * Runs the duty while this process leads: at the begin of each term, and every `everyMs` from then on. A run that rejects is logged, and is
   * tried again when its time comes. Disposing of what it returns waits for a run that is under way.
   */
  regularly(duty: Duty): AsyncDisposable;
}

export interface LeadershipDeps {
  readonly store: Pick<Store, 'takeLeaderLock' | 'beginTerm' | 'failure'>;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
  readonly log: {
    info(facts: object, message: string): void;
    warn(facts: object, message: string): void;
    error(facts: object, message: string): void;
  };
}

/** Between two tries: what passes from the end of a leader until there is another. */
const TRY_EVERY_MS = 1_000;

/**
 * Contends for the leadership over a store until it is disposed of. The first try is over when the promise resolves: a process that has the
 * store alone leads from then on. That the store does not answer is no fault of the caller: nobody leads then, and it is tried again.
 */
export async function keepLeadership(deps: LeadershipDeps): Promise<Leadership> {
  const contender = new Contender(deps);
  await contender.begin();
  return contender;
}

class Contender implements Leadership {
  readonly #deps: LeadershipDeps;
  readonly #stopping = new AbortController();
  #led: { readonly lock: LeaderLock; readonly term: Term } | undefined;
  /** Aborts, and is replaced, when a term begins. */
  #awaited = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isFaulty = false;

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
  }

  async begin(): Promise<void> {
    await this.#try();
    this.#running = this.#contend();
  }

  term(): Term | undefined {
    return this.#led?.lock.isHeld() === true ? this.#led.term : undefined;
  }

  regularly(duty: Duty): AsyncDisposable {
    const ending = new AbortController();
    const running = this.#repeat(duty, ending.signal);
    return {
      [Symbol.asyncDispose]: async () => {
        ending.abort();
        await running;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    const led = this.#led;
    this.#led = undefined;
    await led?.lock[Symbol.asyncDispose]();
  }

  async #contend(): Promise<void> {
    const stop = this.#stopping.signal;
    while (!stop.aborted) {
      const lost = this.#led?.lock.lost;
      if (lost?.aborted === false) await aborted(AbortSignal.any([lost, stop]));
      else await this.#deps.pause(TRY_EVERY_MS, stop);
      if (!stop.aborted) await this.#try();
    }
  }

  async #try(): Promise<void> {
    const { store, log } = this.#deps;
    if (this.#led !== undefined) {
      log.warn({ term: this.#led.term.number }, 'this process leads no longer');
      this.#led = undefined;
    }
    try {
      const lock = await store.takeLeaderLock();
      this.#isFaulty = false;
      if (lock !== undefined) await this.#lead(lock);
    } catch (error) {
      // A store in doubt ends the service, and says so itself.
      if (!this.#isFaulty && !store.failure.aborted) log.error({ err: error }, 'who leads is not known');
      this.#isFaulty = true;
    }
  }

  async #lead(lock: LeaderLock): Promise<void> {
    let number: number;
    try {
      number = await this.#deps.store.beginTerm();
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    this.#led = { lock, term: { number, ended: lock.lost } };
    this.#deps.log.info({ term: number }, 'this process leads');
    this.#awaited.abort();
    this.#awaited = new AbortController();
  }

  async #repeat({ name, everyMs, run }: Duty, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const term = this.term();
      if (term === undefined) {
        await aborted(AbortSignal.any([this.#awaited.signal, stop]));
        continue;
      }
      try {
        await run(term);
      } catch (error) {
        this.#deps.log.error({ err: error, duty: name, term: term.number }, 'a duty of the leader was not done');
      }
      await this.#deps.pause(everyMs, AbortSignal.any([stop, term.ended]));
    }
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
