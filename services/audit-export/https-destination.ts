import { Agent, request } from 'node:https';

import type { AuditRecord } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { Secret } from '#core/secret.ts';

import { type Delivery, describe, type Destination, renderSome } from './destination.ts';
import { retryAfterMs } from './retry-after.ts';
import type { ReadTlsFiles, TlsFiles } from './tls-files.ts';

export interface HttpsDestinationOptions {
  readonly name: string;
  readonly url: URL;
  /** `json-array`: one document, a list. `ndjson`: one document a line. */
  readonly format: 'json-array' | 'ndjson';
  /** The record as one JSON document. */
  readonly render: (record: AuditRecord) => string;
  readonly readTls: ReadTlsFiles;
  /** Reads it anew for each delivery; undefined: none is sent. */
  readonly readBearerToken: (() => Promise<Secret<string>>) | undefined;
  /** For one delivery, from the connection's begin to the head of the answer. */
  readonly timeoutMs: number;
  readonly now: Clock;
}

/** Of an answer's body, of which nothing is wanted but that it ends. */
const DRAINED_BYTES = 65_536;
const BUSY: readonly number[] = [408, 425, 429];

/** A webhook. Only a 2xx is a confirmation; a redirection is none, and the token is sent nowhere else. */
export function httpsDestination(options: HttpsDestinationOptions): Destination {
  const { name, url, readTls, readBearerToken } = options;
  const agents = new AgentOfFiles();
  return {
    name,
    kind: 'https',
    place: url.host,
    deliver: async (records, stop): Promise<Delivery> => {
      let agent: Agent;
      let token: Secret<string> | undefined;
      try {
        agent = agents.for(await readTls());
        token = await readBearerToken?.();
      } catch (error) {
        return { ok: false, kind: 'files', detail: describe(error) };
      }
      const documents = renderSome(records, (record) => Buffer.from(options.render(record), 'utf8'));
      try {
        const answer = await post(options, { agent, token, body: bodyOf(documents, options.format), stop });
        return judged(answer, documents.length, options.now);
      } catch (error) {
        const late = error instanceof Error && error.name === 'AbortError';
        if (late) return { ok: false, kind: 'unconfirmed', detail: 'no answer in time' };
        return { ok: false, kind: 'unreachable', detail: describe(error) };
      }
    },
    [Symbol.dispose]: () => agents[Symbol.dispose](),
  };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

function judged({ status, retryAfter }: Answer, records: number, now: Clock): Delivery {
  if (status >= 200 && status < 300) return { ok: true, records };
  const kind = status >= 500 || BUSY.includes(status) ? 'busy' : 'refused';
  return { ok: false, kind, detail: `HTTP status ${status}`, retryAfterMs: retryAfterMs(retryAfter, now) };
}

interface Post {
  readonly agent: Agent;
  readonly token: Secret<string> | undefined;
  readonly body: Buffer;
  readonly stop: AbortSignal;
}

function post(
  { url, format, timeoutMs }: HttpsDestinationOptions,
  { agent, token, body, stop }: Post,
): Promise<Answer> {
  const headers = {
    'content-type': format === 'ndjson' ? 'application/x-ndjson' : 'application/json',
    'content-length': body.byteLength,
    'user-agent': 'muster',
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
  };
  const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers, signal }, (incoming) => {
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.byteLength;
        if (size > DRAINED_BYTES) incoming.destroy();
      });
      incoming.on('error', () => undefined);
      resolve({ status: incoming.statusCode ?? 0, retryAfter: incoming.headers['retry-after'] });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function bodyOf(documents: readonly Buffer[], format: HttpsDestinationOptions['format']): Buffer {
  const separator = Buffer.from(format === 'ndjson' ? '\n' : ',\n');
  const joined = documents.flatMap((document, index) => (index === 0 ? [document] : [separator, document]));
  if (format === 'ndjson') return Buffer.concat([...joined, separator]);
  return Buffer.concat([Buffer.from('['), ...joined, Buffer.from(']')]);
}

/** Connections are kept as long as the files are the same. */
class AgentOfFiles implements Disposable {
  #kept: { readonly files: TlsFiles; readonly agent: Agent } | undefined;

  for(files: TlsFiles): Agent {
    if (this.#kept !== undefined && isSame(this.#kept.files, files)) return this.#kept.agent;
    this[Symbol.dispose]();
    const agent = new Agent({
      ca: files.ca,
      cert: files.identity?.certificate,
      key: files.identity?.key,
      minVersion: 'TLSv1.2',
      // Said here because the environment can turn verification off where nothing is said.
      rejectUnauthorized: true,
      keepAlive: true,
      maxSockets: 1,
    });
    this.#kept = { files, agent };
    return agent;
  }

  [Symbol.dispose](): void {
    this.#kept?.agent.destroy();
    this.#kept = undefined;
  }
}

const isSame = (a: TlsFiles, b: TlsFiles): boolean =>
  a.ca === b.ca && a.identity?.certificate === b.identity?.certificate && a.identity?.key === b.identity?.key;
