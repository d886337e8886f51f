import { Client } from 'pg';

import { DependencyError } from '#core/dependency-error.ts';

import type { LeaderLock } from '../leader-lock.ts';
import { clientConfig, type PostgresPlace } from './connection-options.ts';

/** Of the leader of this program's processes over a database; any number that nobody else takes. */
const LEADER_LOCK = 0x6d75_7375;
/** The server ends a session that says nothing for so long, and its lock with it: that of a process or a machine that stands still. */
const SERVER_PATIENCE_MS = 10_000;
/** The holder says something this often, */
const SPEAK_EVERY_MS = 2_000;
/** and holds that it leads for so long after it last spoke and was answered: well before the server would give the lock to another. */
const HELD_FOR_MS = 6_000;

const TAKE = `select pg_try_advisory_lock(${LEADER_LOCK}) as taken`;
/** False behind a pooler that shares sessions out by transaction: the lock is another session's then, and nobody's. */
const STILL_OURS = `select exists (select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()
  and database = (select oid from pg_database where datname = current_database())
  and classid = 0 and objid = ${LEADER_LOCK} and objsubid = 1) and not pg_is_in_recovery() as taken`;

/**
 * A connection of its own that contends for the leader's lock. PostgreSQL gives the lock to one session and takes it back when the session
 * ends, however it ends: at once where the process dies, after `SERVER_PATIENCE_MS` where nothing is heard of it any more.
 */
export class LeaderSession implements AsyncDisposable {
  readonly #place: PostgresPlace;
  #client: Client | undefined;
  #held: PostgresLeaderLock | undefined;
  #closed = false;

  constructor(place: PostgresPlace) {
    this.#place = place;
  }

  /** Undefined: another session has the lock. Rejects with a DependencyError where the database does not say. */
  async take(): Promise<LeaderLock | undefined> {
    if (this.#closed) throw new DependencyError('store', 'the store is closed');
    if (this.#held?.isHeld() === true) throw new Error('the leader’s lock is held already');
    try {
      const client = await this.#connected();
      const askedMs = performance.now();
      if (!(await ask(client, TAKE))) return undefined;
      if (!(await ask(client, STILL_OURS)))
        throw new Error('the server, or a pooler before it, does not keep a session’s lock');
      const lock = new PostgresLeaderLock(client, askedMs, () => this.#leave());
      this.#held = lock;
      return lock;
    } catch (cause) {
      await this.#leave();
      throw new DependencyError('store', 'the database does not say who leads', { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#held?.[Symbol.asyncDispose]();
    await this.#leave();
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = new Client({
      ...clientConfig(this.#place),
      application_name: 'muster leader',
      query_timeout: HELD_FOR_MS,
    });
    const forget = (): void => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    await client.connect();
    this.#client = client;
    await client.query(`set idle_session_timeout = ${SERVER_PATIENCE_MS}`);
    return client;
  }

  async #leave(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }
}

class PostgresLeaderLock implements LeaderLock {
  readonly #client: Client;
  readonly #leave: () => Promise<void>;
  readonly #ending = new AbortController();
  #heldUntilMs: number;
  #speaking: NodeJS.Timeout;
  #deadline: NodeJS.Timeout;

  constructor(client: Client, askedMs: number, leave: () => Promise<void>) {
    this.#client = client;
    this.#leave = leave;
    this.#heldUntilMs = askedMs + HELD_FOR_MS;
    this.#speaking = this.#later(SPEAK_EVERY_MS, () => void this.#speak());
    this.#deadline = this.#later(HELD_FOR_MS, () => this.#lose());
    client.once('error', () => this.#lose());
    client.once('end', () => this.#lose());
  }

  get lost(): AbortSignal {
    return this.#ending.signal;
  }

  isHeld(): boolean {
    return !this.lost.aborted && performance.now() < this.#heldUntilMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose();
    await this.#leave();
  }

  async #speak(): Promise<void> {
    const askedMs = performance.now();
    const isOurs = await ask(this.#client, STILL_OURS).catch(() => false);
    if (!isOurs || !this.isHeld()) {
      this.#lose();
      return;
    }
    this.#heldUntilMs = askedMs + HELD_FOR_MS;
    clearTimeout(this.#deadline);
    this.#deadline = this.#later(this.#heldUntilMs - performance.now(), () => this.#lose());
    this.#speaking = this.#later(SPEAK_EVERY_MS, () => void this.#speak());
  }

  #later(ms: number, then: () => void): NodeJS.Timeout {
    return setTimeout(then, ms).unref();
  }

  /** The session goes with the lock: only its end is sure to give the lock back. */
  #lose(): void {
    if (this.lost.aborted) return;
    clearTimeout(this.#speaking);
    clearTimeout(this.#deadline);
    this.#ending.abort();
    void this.#leave();
  }
}

async function ask(client: Client, question: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(question);
  return rows[0]?.taken === true;
}
