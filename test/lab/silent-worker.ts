import { parentPort } from 'node:worker_threads';

/** A store's thread that opens, answers nothing, and ends when it is told to. */
parentPort?.on('message', (message: unknown) => {
  if (message === 'close') parentPort?.close();
});
parentPort?.postMessage({ kind: 'ready' });
