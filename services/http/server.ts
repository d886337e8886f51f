import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { Socket } from 'node:net';

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
  readonly maxConnections: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
}

/** A listener that takes connections. Disposing of it lets running requests finish, then cuts what is left. */
export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
}

/** Running requests have this long to finish when the listener stops. */
const STOP_GRACE_MS = 5_000;
const STOP_SWEEP_MS = 20;

const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  handshakeTimeout: 5_000,
  maxHeaderSize: 8_192,
  keepAliveTimeoutBuffer: 0,
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const;

const TLS = {
  minVersion: 'TLSv1.3',
  ALPNProtocols: ['http/1.1'],
  // A resumed session would skip the handshake's look at the client certificate.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** Starts an HTTPS listener, TLS 1.3 and HTTP/1.1 only, without session resumption. Resolves when it takes connections. */
export async function startListener(options: ListenerOptions, app: RequestListener): Promise<Listener> {
  const { clientCa } = options;
  const server = createServer(
    {
      ...LIMITS,
      ...TLS,
      keepAliveTimeout: options.keepAliveMs,
      cert: options.certificate,
      key: options.key,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
    },
    app,
  );
  server.maxRequestsPerSocket = 100;
  server.maxHeadersCount = 32;
  server.maxConnections = options.maxConnections;
  server.on('clientError', refuseUnreadable);
  server.listen({ host: options.host, port: options.port, exclusive: true });
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP listener has an address');
  return { host: bound.address, port: bound.port, [Symbol.asyncDispose]: () => stop(server) };
}

/** What cannot be read as an HTTP request has no request id and gets no document. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = UNREADABLE[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

const UNREADABLE: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection whose last request has just been answered is kept alive otherwise, and the stop would wait for it.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, STOP_SWEEP_MS);
  const cut = setTimeout(() => {
    server.closeAllConnections();
  }, STOP_GRACE_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
