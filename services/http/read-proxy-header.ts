import type { Socket } from 'node:net';

import {
  type ProxyHeader,
  ProxyHeaderError,
  parseProxyHeader,
  PROXY_PREFIX_BYTES,
  proxyPayloadBytes,
} from './proxy-protocol.ts';

/**
 * The header that a connection begins with. On resolution exactly its bytes were taken from the socket, and nobody listens to it. Rejects
 * with ProxyHeaderError when it is not one, or not whole within `timeoutMs`, and with what the connection failed with.
 */
export function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader> {
  const { promise, resolve, reject } = Promise.withResolvers<ProxyHeader>();
  let prefix: Buffer | undefined;
  const onReadable = (): void => {
    try {
      prefix ??= take(socket, PROXY_PREFIX_BYTES);
      if (prefix === undefined) return;
      const length = proxyPayloadBytes(prefix);
      const payload = length === 0 ? Buffer.alloc(0) : take(socket, length);
      if (payload !== undefined) resolve(parseProxyHeader(Buffer.concat([prefix, payload])));
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const onEnd = (): void => {
    reject(new ProxyHeaderError('cut-short'));
  };
  const timer = setTimeout(() => {
    reject(new ProxyHeaderError('timeout'));
  }, timeoutMs);
  socket.on('readable', onReadable);
  socket.once('end', onEnd);
  socket.once('close', onEnd);
  socket.on('error', reject);
  onReadable();
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.off('close', onEnd);
    socket.off('error', reject);
  });
}

/** Exactly `length` bytes, or undefined while fewer are there. Fewer are given out only at the end of the connection: then it is cut short. */
function take(socket: Socket, length: number): Buffer | undefined {
  const chunk: unknown = socket.read(length);
  if (chunk === null) return undefined;
  if (!Buffer.isBuffer(chunk) || chunk.byteLength !== length) throw new ProxyHeaderError('cut-short');
  return chunk;
}
