import { parentPort } from 'node:worker_threads';

/** A store's thread that opens, and dies of the first thing it is asked. */
parentPort?.on('message', () => {
  throw new Error('out of memory, say');
});
parentPort?.postMessage({ kind: 'ready' });
