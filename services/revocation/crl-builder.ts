import { Worker } from 'node:worker_threads';

import type { Bytes } from '#core/bytes.ts';
import type { CrlPlan } from '#pki/crl.ts';
import type { PublishedCrl, RevocationRecord } from '#services/store/revocations.ts';

import type { FromCrlWorker, ToCrlWorker } from './crl-worker-wire.ts';

/** One issuer's entries in a thread of their own. Calls are answered in order; each rejects once the thread has died. */
export interface CrlBuilder extends AsyncDisposable {
  /** Takes changes in their order; none is later than `now` afterwards. */
  put(records: readonly RevocationRecord[], now: Date): Promise<void>;
  /** Forgets what stood, past its expiry, in the list that was served. */
  forgetServed(published: PublishedCrl): Promise<void>;
  /** The to-be-signed part of a list of everything that was put, linted. Rejects when it breaks a rule. */
  prepare(plan: Omit<CrlPlan, 'entries'>): Promise<{ readonly tbs: Bytes; readonly size: number }>;
}

const CRL_WORKER = new URL('./crl-worker.ts', import.meta.url);

interface Waiting {
  readonly resolve: (answer: Exclude<FromCrlWorker, { kind: 'failed' }>) => void;
  readonly reject: (error: Error) => void;
}

/** An empty builder for the issuer whose certificate is `issuerDer`. */
export function openCrlBuilder(issuerDer: Bytes, program = CRL_WORKER): CrlBuilder {
  // The thread needs nothing of the environment, where others may keep secrets.
  const worker = new Worker(program, { workerData: { issuerDer: new Uint8Array(issuerDer) }, env: {} });
  const waiting: Waiting[] = [];
  let dead: Error | undefined;
  const die = (error: Error): void => {
    dead ??= error;
    for (const { reject } of waiting.splice(0)) reject(dead);
  };
  worker.on('message', (message: FromCrlWorker) => {
    const first = waiting.shift();
    if (message.kind === 'failed') first?.reject(new Error(message.message));
    else first?.resolve(message);
  });
  worker.on('error', (cause) => die(new Error('the thread that makes CRLs crashed', { cause })));
  worker.on('exit', () => die(new Error('the thread that makes CRLs stopped')));
  worker.unref();
  const ask = (message: ToCrlWorker): Promise<Exclude<FromCrlWorker, { kind: 'failed' }>> =>
    new Promise((resolve, reject) => {
      if (dead !== undefined) {
        reject(dead);
        return;
      }
      waiting.push({ resolve, reject });
      worker.postMessage(message);
    });
  return {
    put: async (records, now) => {
      await ask({ kind: 'put', records, now });
    },
    forgetServed: async (published) => {
      await ask({ kind: 'forget', published });
    },
    prepare: async (plan) => {
      const answer = await ask({ kind: 'prepare', plan });
      if (answer.kind !== 'prepared') throw new Error('the thread that makes CRLs answered another question');
      return { tbs: answer.tbs, size: answer.size };
    },
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}
