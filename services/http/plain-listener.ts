import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

import { type Listener, ListenError } from './server.ts';

const LIMITS = { requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 8_192, keepAliveTimeout: 5_000 } as const;
const CONNECTIONS_MAX = 64;

/** A listener without TLS, for what is no secret to whoever reaches it: counts on loopback, health. Rejects with ListenError. Disposing of it cuts what is open. */
export async function startPlainListener(
  place: { readonly host: string; readonly port: number },
  app: RequestListener,
): Promise<Listener> {
  const server = createServer(LIMITS, app);
  server.maxConnections = CONNECTIONS_MAX;
  server.listen({ ...place, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ListenError(place, cause);
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP listener has an address');
  return {
    host: bound.address,
    port: bound.port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
