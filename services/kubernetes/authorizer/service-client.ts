import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';

import type { Bytes } from '#core/bytes.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import { snapshotAnswerSchema } from '#protocol/snapshot.ts';

import { STATEMENT_MAX_BYTES } from '../signed-statement.ts';

/** The service, and who we are to it. The files are read again after every failure, so that a renewed identity is taken up. */
export interface ServicePlace {
  readonly url: string;
  /** PEM: the only authorities that the service's certificate may come from. */
  readonly caFile: string;
  /** PEM: our certificate with its private key. */
  readonly identityFile: string;
}

const WAIT_SECONDS = 20;
/** After the wait that was asked for. */
const ANSWER_WITHIN_MS = 15_000;
const IDENTITY_MAX_BYTES = 65_536;

/** Asks the service for statements, over a connection that it keeps. */
export class ServiceClient implements Disposable {
  readonly #place: ServicePlace;
  #agent: Agent | undefined;
  #identityNotAfter: Date | undefined;

  constructor(place: ServicePlace) {
    this.#place = place;
  }

  /** The service's answer, not verified. Rejects on anything but one, and when `stop` aborts. */
  async fetchStatement(after: number | undefined, stop: AbortSignal): Promise<Bytes> {
    const path = after === undefined ? '/v1/snapshot' : `/v1/snapshot?after=${after}&wait=${WAIT_SECONDS}`;
    try {
      this.#agent ??= await this.#connect();
      const answer = snapshotAnswerSchema.parse(JSON.parse(await this.#get(this.#agent, path, stop)));
      return Buffer.from(answer.statement, 'latin1');
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** When the identity ends that was last read; undefined before the first request. */
  get identityNotAfter(): Date | undefined {
    return this.#identityNotAfter;
  }

  [Symbol.dispose](): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async #connect(): Promise<Agent> {
    const identity = Buffer.from(await readPrivateFile(this.#place.identityFile, IDENTITY_MAX_BYTES));
    // The first certificate of the file is the one that is shown.
    this.#identityNotAfter = new X509Certificate(identity).validToDate;
    const ca = await readFile(this.#place.caFile);
    return new Agent({ keepAlive: true, maxSockets: 1, minVersion: 'TLSv1.3', ca, cert: identity, key: identity });
  }

  #get(agent: Agent, path: string, stop: AbortSignal): Promise<string> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(WAIT_SECONDS * 1_000 + ANSWER_WITHIN_MS)]);
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, this.#place.url), { agent, signal }, (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size > STATEMENT_MAX_BYTES) outgoing.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          if (incoming.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
          else reject(new Error(`the service answers ${incoming.statusCode}`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }
}
