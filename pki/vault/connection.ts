import { Agent, request } from 'node:https';

/** Where the server is, and whom we trust to be it. */
export interface VaultPlace {
  /** https, host and port. */
  readonly address: URL;
  /** PEM: the only authorities that the server's certificate may come from. */
  readonly ca: string;
  /** Sent as X-Vault-Namespace where the server has namespaces. */
  readonly namespace: string | undefined;
  /** PEM: our certificate with its private key, where we log in by it. */
  readonly identity: { readonly certificate: string; readonly key: string } | undefined;
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly timeoutMs: number;
}

/** An answer of whatever status; `body` is undefined where it is empty or no JSON. Not believed. */
export interface VaultAnswer {
  readonly status: number;
  readonly body: unknown;
}

const ANSWER_MAX_BYTES = 262_144;
const SOCKETS_MAX = 16;

/** TLS 1.3 connections to one server, kept open. Redirects are answers like others: a token is sent nowhere else. */
export class VaultConnection implements Disposable {
  readonly #place: VaultPlace;
  readonly #agent: Agent;

  constructor(place: VaultPlace) {
    this.#place = place;
    this.#agent = new Agent({
      ca: place.ca,
      cert: place.identity?.certificate,
      key: place.identity?.key,
      minVersion: 'TLSv1.3',
      // Said here because the environment can turn verification off where nothing is said.
      rejectUnauthorized: true,
      keepAlive: true,
      maxSockets: SOCKETS_MAX,
    });
  }

  /** The answer, read whole. Rejects with what the connection failed with, an answer too long or too late among it. */
  ask({ method, path, body, token, timeoutMs }: VaultRequest): Promise<VaultAnswer> {
    const { address, namespace } = this.#place;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      'x-vault-request': 'true',
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.byteLength }),
    };
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(`/v1/${path}`, address),
        { method, agent: this.#agent, headers, signal },
        (incoming) => {
          const chunks: Buffer[] = [];
          let size = 0;
          incoming.on('data', (chunk: Buffer) => {
            size += chunk.byteLength;
            if (size > ANSWER_MAX_BYTES) outgoing.destroy(new Error('the answer is too long'));
            else chunks.push(chunk);
          });
          incoming.on('error', reject);
          incoming.on('end', () => {
            resolve({ status: incoming.statusCode ?? 0, body: parsedJson(Buffer.concat(chunks).toString('utf8')) });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function parsedJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
