import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import type { TlsFiles } from './tls-files.ts';

/**
 * What counts as the receiver's word that it has read everything, after it was told that this is all. `close-notify`: the end of TLS, which
 * nobody but the receiver can say (RFC 5425 §4.4 has it answered). `connection-end`: the orderly end of the connection, for receivers that say
 * no more; whoever is on the way can make one.
 */
export const CONFIRMATIONS = ['close-notify', 'connection-end'] as const;
export type Confirmation = (typeof CONFIRMATIONS)[number];

export interface TlsPlace {
  readonly host: string;
  readonly port: number;
  /** What the receiver's certificate must be for. */
  readonly serverName: string;
  readonly confirmation: Confirmation;
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
 * Connects over TLS, says `bytes` and close_notify, and waits for the receiver's end as `place.confirmation` asks for it: TCP alone says only
 * what its kernel has. A connection that is reset was closed over bytes that nobody had read, and confirms nothing either way.
 *
 * Rejects with ConversationError otherwise. Whether something was read is then not known.
 */
export function sayAndClose(place: TlsPlace, files: TlsFiles, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const { host, port, serverName, confirmation } = place;
  const tcp = connectTcp({ host, port, allowHalfOpen: true, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isConnected = false;
  /** The receiver can know that this is all. */
  let isSaid = false;
  let isAnswered = false;
  const fail = (message: string, cause?: unknown): void => {
    reject(new ConversationError(message, isConnected, { cause }));
    tcp.destroy();
  };
  const give = (): void => {
    fail(isConnected ? 'the receiver did not confirm in time' : 'no connection in time');
  };
  signal.addEventListener('abort', give, { once: true });
  const tls = connectTls({
    socket: new Line(tcp),
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
    tls.write(bytes, () => {
      // Whatever comes in from here on may answer what is written next, and nothing before does.
      isSaid = true;
      tls.end();
    });
  });
  tls.once('end', () => {
    isAnswered = true;
    if (!isSaid) fail('the receiver closed the connection before everything was said');
  });
  // The end of the connection comes after everything that was in it, and in place of it comes an error where it was reset.
  tcp.once('end', () => {
    setImmediate(() => {
      if (isSaid && (isAnswered || confirmation === 'connection-end')) resolve();
      else fail(`the connection ended without close_notify${isSaid ? HINT : ''}`);
    });
  });
  tcp.on('error', (error) => fail(error.message, error));
  tls.on('error', (error) => fail(error.message, error));
  // Whatever the receiver says is not asked for.
  tls.resume();
  return promise.finally(() => {
    signal.removeEventListener('abort', give);
    tls.destroy();
    tcp.destroy();
  });
}

const HINT = '; a receiver that never sends it needs `confirmation: connection-end`';

/** A connection whose bare end is not passed on as an end: over it, only TLS's own close_notify is one. */
class Line extends Duplex {
  readonly #tcp: Socket;

  constructor(tcp: Socket) {
    super({ allowHalfOpen: true });
    this.#tcp = tcp;
    tcp.on('data', (chunk: Buffer) => {
      if (!this.destroyed && !this.push(chunk)) tcp.pause();
    });
    tcp.on('error', (error) => this.destroy(error));
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
    // TLS is over; how the connection ends is still to be seen.
    this.#tcp.resume();
    done(error);
  }
}
