import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { makePrivateDirectory } from './atomic-file.ts';
import type { Sleep } from './sleep.ts';

/** The lock cannot be asked for: what the file system, or SQLite, says of it. */
export class JoinLockError extends Error {
  constructor(file: string, cause: unknown) {
    super(`the lock ${file} cannot be taken (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
    this.name = 'JoinLockError';
  }
}

/** The lock's holder went on for longer than the caller could wait. */
export class JoinLockedError extends Error {
  constructor(waitedSeconds: number) {
    super(`another muster-agent on this machine has been joining for ${waitedSeconds} s`);
    this.name = 'JoinLockedError';
  }
}

export interface JoinLockDeps {
  readonly sleep: Sleep;
  readonly elapsedMs: () => number;
  /** Told once, when somebody else has the lock. */
  readonly progress: (line: string) => void;
}

export interface JoinLockOptions {
  readonly directory: string;
  readonly waitSeconds: number;
  /** Looked at before each further try: true ends the wait, for the holder did what this caller came for. */
  readonly isDone?: () => Promise<boolean>;
}

const POLL_MS = 200;
const SQLITE_BUSY = 5;

/**
 * Waits for leave to join from this machine, of which there is one: all agents with this credential directory ask for it. The lock is the
 * operating system's (through an empty SQLite file, whose locks die with their process), so a killed agent leaves none behind. Undefined when
 * `isDone` said so. Throws JoinLockedError when the time is over, JoinLockError, and what the file system throws.
 */
export async function acquireJoinLock(
  { directory, waitSeconds, isDone }: JoinLockOptions,
  deps: JoinLockDeps,
): Promise<Disposable | undefined> {
  await makePrivateDirectory(directory, {});
  const file = join(directory, 'join.lock');
  await createEmpty(file);
  const end = deps.elapsedMs() + waitSeconds * 1_000;
  for (let tries = 0; ; tries++) {
    const lock = tryLock(file);
    if (lock !== undefined) return lock;
    if (tries === 0) deps.progress('Another muster-agent on this machine is joining; waiting for it.');
    if (deps.elapsedMs() >= end) throw new JoinLockedError(waitSeconds);
    await deps.sleep(POLL_MS);
    if ((await isDone?.()) === true) return undefined;
  }
}

/** An existing file is not opened here: closing it again would drop the locks that this very process may have on it (POSIX). */
async function createEmpty(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Another connection has the lock. The low byte tells the code, the others its variety. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return false;
  return error.errcode % 256 === SQLITE_BUSY;
}

function tryLock(file: string): Disposable | undefined {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw new JoinLockError(file, error);
  }
  try {
    // Nothing is ever written, so no journal needs a file.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { [Symbol.dispose]: () => database.close() };
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw new JoinLockError(file, error);
  }
}
