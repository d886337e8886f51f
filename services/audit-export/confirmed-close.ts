import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import type { TlsFiles } from './tls-files.ts';

export interface TlsPlace {
  readonly host: string;
  readonly port: number;
  /** What the receiver's certificate must be for. */
  readonly serverName: string;
}

/** A conversation that ended otherwise than it should. `connected`: the receiver had proven who it is. */
export class ConversationError extends Error {
  readonly connected: boolean;

  constructor(message: string, connected: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConversationError';
    this.connected = connected;
  }
}

/**
 * Connects over TLS, says `bytes` and close_notify, and waits for the receiver's own close_notify. A receiver that keeps to RFC 5425 §4.4
 * sends it when it has read ours, and so everything before it: TCP alone says only what its kernel has.
 *
 * Rejects with ConversationError otherwise, also where the connection ends without close_notify: anybody on the way can end it so, and a
 * receiver that dies ends it so. Whether something was read is then not known.
 */
export function sayAndClose(place: TlsPlace, files: TlsFiles, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const { host, port, serverName } = place;
  const tcp = connectTcp({ host, port, allowHalfOpen: true, noDelay: true });
  const line = new HonestEnd(tcp);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isConnected = false;
  let isSaid = false;
  const fail = (message: string, cause?: unknown): void => {
    reject(new ConversationError(message, isConnected, { cause }));
    tcp.destroy();
  };
  const give = (): void => fail(isConnected ? 'the receiver did not confirm in time' : 'no connection in time');
  signal.addEventListener('abort', give, { once: true });
  const tls = connectTls({
    socket: line,
    // A name is asked for (SNI); an address only compared with the certificate.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    host: serverName,
    ca: files.ca,
    ...(files.identity === undefined ? {} : { cert: files.identity.certificate, key: files.identity.key }),
    minVersion: 'TLSv1.2',
    // Said here because the environment can turn verification off where nothing is said.
    rejectUnauthorized: true,
  });
  tls.once('secureConnect', () => {
    isConnected = true;
    tls.end(bytes, () => {
      isSaid = true;
    });
  });
  tls.once('end', () => {
    if (isSaid) resolve();
    else fail('the receiver closed the connection before everything was said');
  });
  tls.on('error', (error) => fail(error.message, error));
  // Whatever the receiver says is not asked for.
  tls.resume();
  return promise.finally(() => {
    signal.removeEventListener('abort', give);
    tls.destroy();
    tcp.destroy();
  });
}

/** A connection whose bare end is an error: only TLS's own close_notify, which nobody else can make, ends what is over it. */
class HonestEnd extends Duplex {
  readonly #tcp: Socket;

  constructor(tcp: Socket) {
    super({ allowHalfOpen: true });
    this.#tcp = tcp;
    tcp.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) tcp.pause();
    });
    tcp.on('error', (error) => this.destroy(error));
    tcp.once('end', () => {
      // What came before the end may be the close_notify, and is looked at first.
      setImmediate(() => this.destroy(new Error('the connection ended without close_notify')));
    });
  }

  override _read(): void {
    this.#tcp.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tcp.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#tcp.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#tcp.destroy();
    done(error);
  }
}
