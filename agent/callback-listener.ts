import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';

import type { Clock } from '#core/clock.ts';
import { fromBase64Url } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import type { RandomSource } from '#core/random.ts';
import { buildSelfSigned } from '#pki/x509/build-self-signed.ts';
import { encodePem } from '#pki/x509/pem.ts';

export interface CallbackOptions {
  readonly port: number;
  /** Of the certificate request. */
  readonly key: KeyObject;
  /** As the challenge carries it. */
  readonly ticket: string;
}

export interface CallbackDeps {
  readonly now: Clock;
  readonly random: RandomSource;
}

/** The port that the service asks for cannot be listened on. */
export class CallbackPortError extends Error {
  constructor(port: number, cause: unknown) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown fault';
    super(`it calls back on port ${port}, where this machine cannot listen (${code})`, { cause });
    this.name = 'CallbackPortError';
  }
}

const LIMITS = { maxHeaderSize: 4_096, headersTimeout: 5_000, requestTimeout: 5_000, handshakeTimeout: 5_000 } as const;
const CONNECTIONS_MAX = 8;
/** The certificate is valid for this long before and after now: the service looks at its key alone. */
const VALID_MS = 3_600_000;

/**
 * Listens for the service's call, on every address, with a certificate over the very key that the quote covers (join-protocol §4). Answers
 * 204 to whoever names the ticket, and 404 to anything else. Throws CallbackPortError. Disposing of it closes the port.
 */
export async function listenForCallback(options: CallbackOptions, deps: CallbackDeps): Promise<AsyncDisposable> {
  const expected = `/v1/callback/${sha256Hex(fromBase64Url(options.ticket))}`;
  const now = deps.now().getTime();
  const certificate = buildSelfSigned(options.key, {
    commonName: 'muster callback',
    serial: Uint8Array.of(1, ...deps.random(15)),
    notBefore: new Date(now - VALID_MS),
    notAfter: new Date(now + VALID_MS),
  });
  const server = createServer(
    {
      ...LIMITS,
      minVersion: 'TLSv1.3',
      key: options.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: encodePem('CERTIFICATE', certificate),
    },
    (request, response) => {
      const status = request.method === 'GET' && request.url === expected ? 204 : 404;
      response.writeHead(status, { Connection: 'close' }).end();
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (_, socket) => {
    socket.destroy();
  });
  await listen(server, options.port);
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** On IPv6 and IPv4, or on IPv4 alone where the machine has no IPv6. */
async function listen(server: Server, port: number): Promise<void> {
  try {
    await bind(server, port, '::').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL') throw error;
      await bind(server, port, '0.0.0.0');
    });
  } catch (cause) {
    throw new CallbackPortError(port, cause);
  }
}

async function bind(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host });
  await once(server, 'listening');
}
