import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

import type { Admit } from './caller-origin.ts';

/** A listener's identity and place. */
export interface ListenerOptions {
  /** A literal address. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** PEM: the server certificate, then its issuers. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** PEM of the one CA whose client certificates are asked for and required. Undefined: no client certificate is asked for. */
  readonly clientCa: string | undefined;
  /** PEM of a CA whose client certificates are asked for and not required: a caller with another one, or none, is not authorized. */
  readonly knownClientCa?: string | undefined;
  readonly maxConnections: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Requests that one connection carries before it is closed; 0: any number. */
  readonly maxRequestsPerConnection?: number;
  /** How long running requests have to finish when the listener stops. */
  readonly graceMs?: number | undefined;
  /** Shown each connection before anything of it is read. */
  readonly admit?: Admit | undefined;
  /** How long a caller may take over each thing. The defaults are what is deployed. */
  readonly deadlines?: Partial<Deadlines> | undefined;
}

/** What a slow caller is cut off after. */
export interface Deadlines {
  /** The TLS handshake. */
  readonly handshakeMs: number;
  /** A request's head, from the first byte of the connection or the end of the request before. */
  readonly headersMs: number;
  /** A whole request. */
  readonly requestMs: number;
  /** How often the last two are looked at. */
  readonly checkMs: number;
}

const DEADLINES: Deadlines = { handshakeMs: 5_000, headersMs: 5_000, requestMs: 15_000, checkMs: 1_000 };

/** A listener that takes connections. Disposing of it lets running requests finish, then cuts what is left. */
export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/** A listener whose certificate can be replaced. */
export interface TlsListener extends Listener {
  /**
   * Shows this identity to connections from now on; those that are open keep the one that they were shown. Whose client certificates are asked for
   * stays as it was. Throws, and nothing has changed, where certificate and key do not fit.
   */
  readonly show: (identity: Pick<ListenerOptions, 'certificate' | 'key'>) => void;
}

/** A place that cannot be listened at: taken, or not this machine's. */
export class ListenError extends Error {
  constructor({ host, port }: Pick<ListenerOptions, 'host' | 'port'>, cause: unknown) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    super(`cannot listen at ${host} port ${port} (${code})`, { cause });
    this.name = 'ListenError';
  }
}

/** Running requests have this long to finish when the listener stops, unless its options say. */
const STOP_GRACE_MS = 5_000;
const STOP_SWEEP_MS = 20;

const LIMITS = {
  maxHeaderSize: 8_192,
  keepAliveTimeoutBuffer: 0,
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const;

const TLS = {
  minVersion: 'TLSv1.3',
  // A resumed session would skip the handshake's look at the client certificate.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** What a handshake is made with. Replaced whole: what is left out would be the runtime's default. */
function secureContextOf(
  { clientCa, knownClientCa }: Pick<ListenerOptions, 'clientCa' | 'knownClientCa'>,
  { certificate, key }: Pick<ListenerOptions, 'certificate' | 'key'>,
): SecureContextOptions {
  const ca = clientCa ?? knownClientCa;
  return { ...TLS, cert: certificate, key, ...(ca === undefined ? {} : { ca }) };
}

/**
 * Starts an HTTPS listener, TLS 1.3 and HTTP/1.1 only, without session resumption. Resolves when it takes connections; rejects with
 * ListenError when it cannot.
 */
export async function startListener(options: ListenerOptions, app: RequestListener): Promise<TlsListener> {
  const { clientCa, knownClientCa } = options;
  const { handshakeMs, headersMs, requestMs, checkMs } = { ...DEADLINES, ...options.deadlines };
  const server = createServer(
    {
      ...LIMITS,
      ...secureContextOf(options, options),
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: handshakeMs,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      keepAliveTimeout: options.keepAliveMs,
      ...(knownClientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
      ...(clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true }),
    },
    app,
  );
  server.maxRequestsPerSocket = options.maxRequestsPerConnection ?? 100;
  server.maxHeadersCount = 32;
  server.maxConnections = options.maxConnections;
  server.on('clientError', refuseUnreadable);
  if (options.admit !== undefined) showFirst(server, options.admit);
  server.listen({ host: options.host, port: options.port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(options, cause);
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP listener has an address');
  return {
    host: bound.address,
    port: bound.port,
    show: (identity) => server.setSecureContext(secureContextOf(options, identity)),
    [Symbol.asyncDispose]: () => stop(server, options.graceMs),
  };
}

/** Has `admit` decide when the server itself learns of a connection: TLS begins behind whatever it reads. */
function showFirst(server: Server, admit: Admit): void {
  const accepts = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    admit(socket, () => {
      for (const accept of accepts) Reflect.apply(accept, server, [socket]);
    });
  });
}

/**
 * What cannot be read as an HTTP request has no request id and gets no document. A connection whose handshake failed gets nothing at all:
 * an answer would wait for a handshake that never ends.
 */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = statusOf(error.code ?? '');
  if (status === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // Not `end`: that would leave it to the caller when the connection closes.
  socket.destroySoon();
}

function statusOf(code: string): string | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return code.startsWith('HPE_') ? '400 Bad Request' : undefined;
}

async function stop(server: Server, graceMs = STOP_GRACE_MS): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection whose last request has just been answered is kept alive otherwise, and the stop would wait for it.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, STOP_SWEEP_MS);
  const cut = setTimeout(() => {
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
