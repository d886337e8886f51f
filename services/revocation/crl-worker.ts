import { parentPort, workerData } from 'node:worker_threads';

import { prepareCrl } from '#pki/crl.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';

import { CrlEntries } from './crl-entries.ts';
import type { FromCrlWorker, ToCrlWorker } from './crl-worker-wire.ts';

// The thread that keeps one issuer's entries and makes lists of them: a hundred thousand take half a second. It has no key.
if (parentPort === null) throw new Error('crl-worker.ts runs as a worker');
const port = parentPort;
const { issuerDer }: { issuerDer: Uint8Array } = workerData;

const issuer = parseCertificate(Buffer.from(issuerDer));
const entries = new CrlEntries();
let work = Promise.resolve();

port.on('message', (message: ToCrlWorker) => {
  work = work.then(() => perform(message));
});

async function perform(message: ToCrlWorker): Promise<void> {
  try {
    post(await answerTo(message));
  } catch (error) {
    post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

async function answerTo(message: ToCrlWorker): Promise<FromCrlWorker> {
  switch (message.kind) {
    case 'put':
      entries.put(message.records, message.now);
      return { kind: 'done', size: entries.size };
    case 'forget':
      entries.forgetServed(message.published);
      return { kind: 'done', size: entries.size };
    case 'prepare': {
      const tbs = await prepareCrl({ ...message.plan, entries: entries.pieces() }, issuer);
      // A buffer of its own: it is handed over, not copied.
      return { kind: 'prepared', tbs: new Uint8Array(tbs), size: entries.size };
    }
  }
}

function post(message: FromCrlWorker): void {
  port.postMessage(message, message.kind === 'prepared' ? [message.tbs.buffer] : []);
}
