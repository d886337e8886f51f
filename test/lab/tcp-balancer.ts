import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

import { proxyHeader } from './proxy-header.ts';

/** A server behind the balancer. */
export interface Backend {
  readonly port: number;
  /** Where `/readyz` is asked over HTTP; undefined: it is never taken out. */
  readonly healthPort?: number | undefined;
}

/** A load balancer that passes TCP through and begins each connection with the PROXY protocol, version 2. */
export interface TcpBalancer extends AsyncDisposable {
  readonly port: number;
  /** Ports of the backends that it sends new connections to now. */
  readonly inService: () => readonly number[];
  /** Connections that it had nowhere to send. */
  readonly refused: () => number;
}

const ASK_EVERY_MS = 50;
const ASK_WITHIN_MS = 1_000;

/** Sends each new connection to the next backend whose `/readyz` says 200; those that are open stay where they are, as with a real one. */
export async function startTcpBalancer(backends: readonly Backend[]): Promise<TcpBalancer> {
  const ending = new AbortController();
  const ready = new Set(backends.filter(({ healthPort }) => healthPort === undefined).map(({ port }) => port));
  const sockets = new Set<Socket>();
  let turn = 0;
  let refused = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (caller) => {
    keep(caller);
    const open = [...ready];
    turn += 1;
    const port = open[turn % open.length];
    if (port === undefined) {
      refused += 1;
      caller.destroy();
      return;
    }
    const onward = connect({ host: '127.0.0.1', port, noDelay: true });
    keep(onward);
    onward.write(proxyHeader(caller.remoteAddress ?? ''));
    onward.once('connect', () => caller.pipe(onward).pipe(caller));
    caller.once('close', () => onward.destroy());
    onward.once('close', () => caller.destroy());
  });
  const follow = async ({ port, healthPort }: Backend): Promise<void> => {
    if (healthPort === undefined) return;
    while (!ending.signal.aborted) {
      if (await isReady(healthPort)) ready.add(port);
      else ready.delete(port);
      await pause(ASK_EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const following = Promise.all(backends.map(follow));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    inService: () => [...ready],
    refused: () => refused,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await following;
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What the server's page says: 200 and nothing else is a yes. */
const isReady = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/readyz', timeout: ASK_WITHIN_MS }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
