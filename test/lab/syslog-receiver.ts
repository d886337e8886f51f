import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import type { TlsIdentity } from './service-pki.ts';
import { parseFrames, parseSyslog, type SyslogMessage } from './syslog-parser.ts';

/**
 * What a receiver does. `reads`: everything, and answers close_notify with its own. `dies-when-told-all`: it has read everything when its
 * process is gone. `ends-connection-only`: it reads, and says no close_notify. `resets-when-told-all`: the kernel had bytes that it did not read.
 * `never-ends`: it reads, and does not end its side. `reads-nothing`: it takes the connection, and no more.
 */
export type ReceiverManner =
  | 'reads'
  | 'dies-when-told-all'
  | 'ends-connection-only'
  | 'resets-when-told-all'
  | 'never-ends'
  | 'reads-nothing';

/** A syslog receiver over TLS (RFC 5425) that takes nothing but well-formed messages. */
export interface SyslogReceiver extends AsyncDisposable {
  readonly port: number;
  /** In the order in which they came, of connections that ended. */
  readonly messages: SyslogMessage[];
  /** What was no message. */
  readonly faults: unknown[];
  manner: ReceiverManner;
  /** Resolves when there are so many messages. */
  readonly untilThereAre: (count: number) => Promise<void>;
}

export interface ReceiverOptions {
  readonly identity: TlsIdentity;
  readonly port?: number;
  readonly manner?: ReceiverManner;
  /** PEM: senders must have a certificate of it. */
  readonly clientCa?: string;
}

export async function startSyslogReceiver(options: ReceiverOptions): Promise<SyslogReceiver> {
  const { identity, port = 0, manner = 'reads', clientCa } = options;
  const messages: SyslogMessage[] = [];
  const faults: unknown[] = [];
  const waiting = new Set<() => void>();
  const sockets = new Set<TLSSocket>();
  const server = createServer({
    cert: identity.certificatePem,
    key: identity.keyPem,
    allowHalfOpen: true,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    if (receiver.manner === 'reads-nothing') return;
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => {
      try {
        const { frames, rest } = parseFrames(Buffer.concat(chunks));
        if (rest.byteLength > 0) throw new Error('half a frame at the end');
        messages.push(...frames.map(parseSyslog));
      } catch (error) {
        faults.push(error);
      }
      for (const wake of waiting) wake();
      if (receiver.manner === 'reads') socket.end();
      if (receiver.manner === 'dies-when-told-all') transportOf(socket).destroy();
      if (receiver.manner === 'ends-connection-only') transportOf(socket).end();
      if (receiver.manner === 'resets-when-told-all') transportOf(socket).resetAndDestroy();
    });
  });
  // A TLS socket's own end is preceded by close_notify; the connection's below it is not.
  const transports = new Map<number | undefined, Socket>();
  server.on('connection', (transport) => transports.set(transport.remotePort, transport));
  const transportOf = (socket: TLSSocket): Socket => transports.get(socket.remotePort) ?? socket;
  const receiver: SyslogReceiver = {
    port: await listen(server, port),
    messages,
    faults,
    manner,
    untilThereAre: async (count) => {
      while (messages.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
  return receiver;
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a port');
  return address.port;
}
