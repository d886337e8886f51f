import { Worker } from 'node:worker_threads';

import { DependencyError } from '#core/dependency-error.ts';

import { gatheredCalls } from './gathered-calls.ts';
import {
  type Arguments,
  type Call,
  type FromWorker,
  type OperationName,
  type Reply,
  type Results,
  type ToWorker,
  readError,
} from './wire.ts';

/** More calls than this without an answer mean that the disk stands still: the next caller is told so at once. */
const PENDING_MAX = 8_192;

const SQLITE_WORKER = new URL('./sqlite-worker.ts', import.meta.url);

interface Pending {
  readonly settle: (reply: Reply<never>) => void;
  readonly reject: (error: Error) => void;
}

/** The calling side of `sqlite-worker.ts`: calls that come close together go over in one message, and so do their answers. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #failure = new AbortController();
  readonly #gather = gatheredCalls();
  #outbox: Call[] = [];
  #nextId = 1;
  #closing = false;

  private constructor(path: string, program: URL) {
    // The thread needs nothing of the environment, where others may keep secrets.
    this.#worker = new Worker(program, { workerData: { path }, env: {} });
    this.#worker.on('message', (message: FromWorker<never>) => this.#receive(message));
    this.#worker.on('messageerror', (cause) => this.#fail('the store answered with what cannot be read', cause));
    this.#worker.on('error', (cause) => this.#fail('the store crashed', cause));
    this.#worker.on('exit', () => {
      if (!this.#closing || this.#pending.size > 0) this.#fail('the store stopped');
      this.#exited.resolve();
    });
  }

  /** The worker has opened the file at `path` when the promise resolves. Rejects with a DependencyError when it cannot. */
  static async open(path: string, program = SQLITE_WORKER): Promise<WorkerLink> {
    const link = new WorkerLink(path, program);
    await link.#opened.promise;
    return link;
  }

  /** Aborted with a DependencyError once the worker cannot be relied on. */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** The operation's own outcome, or a DependencyError when the worker cannot say what it is. */
  call<N extends OperationName>(name: N, ...args: Arguments[N]): Promise<Results[N]> {
    return new Promise((resolve, reject) => {
      this.assertUsable();
      const id = this.#nextId++;
      const settle = (reply: Reply<Results[N]>): void => {
        if (reply.ok) resolve(reply.value);
        else reject(readError(reply.error));
      };
      this.#pending.set(id, { settle, reject });
      if (this.#outbox.push({ id, name, args }) === 1) this.#gather(() => this.#flush());
    });
  }

  /** Everything that was called is done and the worker is gone when the promise resolves. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#flush();
      this.#post('close');
    }
    if (this.#failure.signal.aborted) await this.#worker.terminate();
    await this.#exited.promise;
  }

  /** Throws what every call rejects with once the worker cannot be relied on, does not keep up, or was told to close. */
  assertUsable(): void {
    this.#failure.signal.throwIfAborted();
    if (this.#closing) throw new DependencyError('store', 'the store is closed');
    if (this.#pending.size >= PENDING_MAX) throw new DependencyError('store', 'the store does not keep up');
  }

  /** Takes the worker for one that cannot be relied on: for what others see of its file. */
  fail(error: DependencyError): void {
    this.#failWith(error);
  }

  #flush(): void {
    if (this.#outbox.length > 0) this.#post(this.#outbox);
    this.#outbox = [];
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker<never>): void {
    if (message.kind === 'ready') this.#opened.resolve();
    else if (message.kind === 'replies') for (const reply of message.replies) this.#settle(reply);
    else this.#failWith(readError(message.error));
  }

  #settle(reply: Reply<never>): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    pending?.settle(reply);
  }

  #fail(message: string, cause?: unknown): void {
    this.#failWith(new DependencyError('store', message, { cause }));
  }

  #failWith(error: Error): void {
    this.#failure.abort(error);
    this.#opened.reject(this.#failure.signal.reason);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
