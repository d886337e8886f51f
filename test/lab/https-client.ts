import { Agent, request } from 'node:https';

import type { ProblemDocument } from '#protocol/problem.ts';

import type { TlsIdentity } from './service-pki.ts';

export interface LabResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON, of whatever shape. */
  readonly json: unknown;
  /** The problem's name, where the body is a problem document. */
  readonly problem: string | undefined;
}

export interface LabRequest {
  readonly method?: string;
  readonly path: string;
  /** Sent as it is; an object is sent as JSON. */
  readonly body?: string | Buffer | object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface LabClient extends Disposable {
  readonly send: (request: LabRequest) => Promise<LabResponse>;
  /** The status alone, without waiting for a body: some answers go on for as long as somebody listens. */
  readonly status: (request: LabRequest) => Promise<number>;
}

/** An HTTPS client that trusts one CA and keeps its connections. */
export function labClient(options: {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly identity?: TlsIdentity | undefined;
  readonly maxSockets?: number;
  /** The address to call from. */
  readonly localAddress?: string;
}): LabClient {
  const { host, port, ca, identity, maxSockets = 1, localAddress } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets,
    ca,
    // Sessions are offered back wherever a server hands one out.
    maxCachedSessions: 100,
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(identity === undefined ? {} : { cert: identity.certificatePem, key: identity.keyPem }),
  });
  const exchange = (
    { method = 'GET', path, body, headers = {} }: LabRequest,
    statusOnly: boolean,
  ): Promise<LabResponse> =>
    new Promise((resolve, reject) => {
      const bytes = body === undefined ? undefined : encode(body);
      const isChunked = headers['transfer-encoding'] !== undefined;
      const length = bytes === undefined || isChunked ? {} : { 'content-length': String(bytes.byteLength) };
      const type = bytes === undefined ? {} : { 'content-type': 'application/json' };
      const outgoing = request(
        { host, port, agent, method, path, headers: { ...type, ...length, ...headers } },
        (incoming) => {
          if (statusOnly) {
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              bytes: Buffer.alloc(0),
              text: '',
              ...readJson(''),
            });
            incoming.on('error', () => undefined);
            // What ends at once leaves the connection for the next request; what does not is hung up on.
            const timer = setTimeout(() => incoming.destroy(), HANG_UP_MS);
            incoming.once('close', () => clearTimeout(timer));
            incoming.resume();
            return;
          }
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const text = bytes.toString('utf8');
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes, text, ...readJson(text) });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  const send = (request: LabRequest): Promise<LabResponse> => exchange(request, false);
  const status = async (request: LabRequest): Promise<number> => (await exchange(request, true)).status;
  return { send, status, [Symbol.dispose]: () => agent.destroy() };
}

const HANG_UP_MS = 50;

const encode = (body: string | Buffer | object): Buffer => {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
};

function readJson(text: string): { json: unknown; problem: string | undefined } {
  try {
    const json = JSON.parse(text) as Partial<ProblemDocument>;
    return { json, problem: json.type?.replace('urn:muster:problem:', '') };
  } catch {
    return { json: undefined, problem: undefined };
  }
}
