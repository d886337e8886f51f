import { parentPort, workerData } from 'node:worker_threads';

import { DependencyError } from '#core/dependency-error.ts';

import { callerError } from './caller-error.ts';
import { openSqliteOperations } from './sqlite-operations.ts';
import {
  type Call,
  type FromWorker,
  type OperationName,
  type Operations,
  type Reply,
  type ToWorker,
  writeError,
} from './wire.ts';

// The thread that owns the SQLite file: everything that blocks on the disk blocks here.
if (parentPort === null) throw new Error('sqlite-worker.ts runs as a worker');
const port = parentPort;
const { path }: { path: string } = workerData;

let failed: DependencyError | undefined;
let unanswered = 0;
let replies: Reply<unknown>[] = [];

try {
  const { operations, close } = await openSqliteOperations(path, (commit) => setImmediate(commitGroup, commit));
  port.on('message', (message: ToWorker) => {
    if (message === 'close') {
      setImmediate(closeAfter, close);
      return;
    }
    unanswered += message.length;
    for (const call of message) void answer(operations, call);
  });
  post({ kind: 'ready' });
} catch (cause) {
  fail(new DependencyError('store', `the store at ${path} cannot be opened`, { cause }));
  port.close();
}

async function answer(operations: Operations, call: Call): Promise<void> {
  const { id } = call;
  try {
    if (failed !== undefined) throw failed;
    reply({ id, ok: true, value: await perform(operations, call) });
  } catch (thrown) {
    const { error, fatal } = callerError(thrown);
    if (fatal !== undefined) fail(fatal);
    reply({ id, ok: false, error: writeError(error) });
  }
}

function perform<N extends OperationName>(operations: Operations, call: Call<N>): Promise<unknown> {
  return operations[call.name](...call.args);
}

function commitGroup(commit: () => Promise<void>): void {
  // What was read already need not wait for the disk.
  flush();
  commit().catch((cause: unknown) => fail(new DependencyError('store', 'the store is beyond use', { cause })));
}

function reply(one: Reply<unknown>): void {
  replies.push(one);
  unanswered -= 1;
  if (unanswered === 0) flush();
}

function flush(): void {
  if (replies.length === 0) return;
  post({ kind: 'replies', replies });
  replies = [];
}

function fail(error: DependencyError): void {
  if (failed !== undefined) return;
  failed = error;
  flush();
  post({ kind: 'failed', error: writeError(error) });
}

function closeAfter(close: () => void): void {
  flush();
  close();
  port.close();
}

function post(message: FromWorker<unknown>): void {
  port.postMessage(message);
}
