import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { type Origin, originOf, SegmentSet } from './origin.ts';
import { forwardedClient } from './forwarded-for.ts';
import { ProxyHeaderError } from './proxy-protocol.ts';
import { readProxyHeader } from './read-proxy-header.ts';

/** Who may speak for a caller, and how. */
export type ProxyOptions =
  | { readonly mode: 'none' }
  | { readonly mode: 'proxy-v2'; readonly trustedProxies: readonly string[] }
  | { readonly mode: 'x-forwarded-for'; readonly trustedProxies: readonly string[]; readonly hops: number };

/** Told of each connection before a byte of it is read by anybody else. Calls `proceed`, or destroys the socket. */
export type Admit = (socket: Socket, proceed: () => void) => void;

/** How a listener knows where its callers are. */
export interface CallerOrigins {
  /** Undefined, so refused: no address, or a trusted proxy that does not say whom it speaks for. */
  readonly of: (request: IncomingMessage) => Origin | undefined;
  readonly admit: Admit | undefined;
}

export interface CallerOriginsDeps {
  /** Told of a trusted proxy whose header cannot be used. */
  readonly headerRefused: (proxy: Origin, fault: string) => void;
  readonly headerTimeoutMs: number;
}

/** The socket's own address, whatever a caller writes. */
export const DIRECT: CallerOrigins = {
  of: ({ socket }) => originOf(socket.remoteAddress),
  admit: undefined,
};

/** Callers as `options` tells them apart. What anybody but a trusted proxy says of an address is not looked at. */
export function callerOrigins(options: ProxyOptions, deps: CallerOriginsDeps): CallerOrigins {
  switch (options.mode) {
    case 'none':
      return DIRECT;
    case 'proxy-v2':
      return proxiedConnections(new SegmentSet(options.trustedProxies), deps);
    case 'x-forwarded-for':
      return forwardedRequests(new SegmentSet(options.trustedProxies), options.hops);
  }
}

function forwardedRequests(trusted: SegmentSet, hops: number): CallerOrigins {
  return {
    of: ({ socket, headers }) => {
      const peer = originOf(socket.remoteAddress);
      if (peer === undefined || !trusted.contains(peer)) return peer;
      return forwardedClient(headers['x-forwarded-for'], { trusted, hops });
    },
    admit: undefined,
  };
}

/** The address behind each open connection of a trusted proxy. TLS hides the socket that the header was read from: both have the same four ends. */
function proxiedConnections(trusted: SegmentSet, deps: CallerOriginsDeps): CallerOrigins {
  const clients = new Map<string, { readonly origin: Origin | undefined }>();
  const admit: Admit = (socket, proceed) => {
    const proxy = originOf(socket.remoteAddress);
    if (proxy === undefined || !trusted.contains(proxy)) {
      proceed();
      return;
    }
    readProxyHeader(socket, deps.headerTimeoutMs).then(
      (header) => {
        const key = endsOf(socket);
        const client = { origin: header.kind === 'local' ? proxy : originOf(header.address) };
        clients.set(key, client);
        socket.once('close', () => {
          // Another connection may have the same ends by now.
          if (clients.get(key) === client) clients.delete(key);
        });
        proceed();
      },
      (error: unknown) => {
        socket.destroy();
        deps.headerRefused(proxy, error instanceof ProxyHeaderError ? error.code : 'connection-lost');
      },
    );
  };
  return {
    of: ({ socket }) => {
      const peer = originOf(socket.remoteAddress);
      if (peer === undefined || !trusted.contains(peer)) return peer;
      return clients.get(endsOf(socket))?.origin;
    },
    admit,
  };
}

const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
