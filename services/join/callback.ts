import { createPublicKey } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';

import type { Bytes } from '#core/bytes.ts';
import { equalBytes } from '#core/bytes.ts';
import type { TicketId } from '#core/ids.ts';
import type { Origin } from '#services/http/origin.ts';

/** One question to a node that is joining. */
export interface Callback {
  /** Where the join came from. No other address is ever connected to. */
  readonly origin: Origin;
  readonly port: number;
  /** For the whole of it. */
  readonly timeoutMs: number;
  /** DER of the key that the quote covers. */
  readonly spki: Bytes;
  readonly ticket: TicketId;
}

export type CallbackOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: 'callback-unreachable' | 'callback-key-mismatch';
      /** For the audit log. */
      readonly detail: string;
    };

/** Longest status line that is read. */
const STATUS_LINE_BYTES = 128;
const NO_CONTENT = /^HTTP\/1\.1 204(?: [\x20-\x7e]*)?$/;

/**
 * Asks the node back (join-protocol §4). On `ok` whoever listens at `origin` holds the key that the quote covers, as the handshake shows,
 * and knows the ticket. Connects to that address and port alone, follows nothing, and reads one line.
 */
export async function callBack(callback: Callback): Promise<CallbackOutcome> {
  const { origin: host, port, timeoutMs, spki, ticket } = callback;
  const quoted = plainForm(spki);
  if (quoted === undefined) return mismatch('the key that was quoted is none that a handshake can show');
  // Which certificate it is does not matter: what counts is its key, which the handshake proves the other end holds.
  const socket = connect({ host, port, minVersion: 'TLSv1.3', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  const timeout = Promise.withResolvers<CallbackOutcome>();
  const timer = setTimeout(() => {
    timeout.resolve(unreachable(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return await Promise.race([ask(socket, quoted, ticket), timeout.promise]);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function ask(socket: TLSSocket, quoted: Bytes, ticket: TicketId): Promise<CallbackOutcome> {
  return new Promise((resolve) => {
    let line = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(unreachable(error.code ?? error.message));
    });
    socket.once('close', () => {
      resolve(unreachable('the connection was closed'));
    });
    socket.once('secureConnect', () => {
      if (holdsKey(socket, quoted)) {
        socket.write(`GET /v1/callback/${ticket} HTTP/1.1\r\nHost: callback\r\nConnection: close\r\n\r\n`);
        return;
      }
      resolve(mismatch('the key at that address is not the one that was quoted'));
    });
    socket.on('data', (chunk: Buffer) => {
      line += chunk.toString('latin1').slice(0, STATUS_LINE_BYTES);
      const end = line.indexOf('\r\n');
      if (end < 0 && line.length < STATUS_LINE_BYTES) return;
      resolve(NO_CONTENT.test(line.slice(0, Math.max(end, 0))) ? { ok: true } : unreachable('the answer is not 204'));
    });
  });
}

/** Both keys in the one form that OpenSSL writes. */
function holdsKey(socket: TLSSocket, quoted: Bytes): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  return equalBytes(certificate.publicKey.export({ type: 'spki', format: 'der' }), quoted);
}

/** Undefined for bytes that OpenSSL reads no key in: nobody has looked at the caller's key yet. */
function plainForm(spki: Bytes): Bytes | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' }).export({
      type: 'spki',
      format: 'der',
    });
  } catch {
    return undefined;
  }
}

const mismatch = (detail: string): CallbackOutcome => ({ ok: false, code: 'callback-key-mismatch', detail });
const unreachable = (detail: string): CallbackOutcome => ({ ok: false, code: 'callback-unreachable', detail });
