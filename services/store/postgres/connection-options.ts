import { type ClientConfig, types } from 'pg';

/** Where the database is and who we are to it. */
export interface PostgresPlace {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Undefined: a Unix socket, or loopback of a laboratory. */
  readonly tls:
    | { readonly ca: string; readonly certificate?: string | undefined; readonly key?: string | undefined }
    | undefined;
}

const CONNECT_WITHIN_MS = 5_000;
/** Longer than any statement of ours; a server that stands still is left. */
const STATEMENT_WITHIN_MS = 15_000;

const { INT8, BYTEA } = types.builtins;

/** For the driver. Every bigint of ours is a count below 2^53. */
export function clientConfig({ tls, ...place }: PostgresPlace): ClientConfig {
  return {
    ...place,
    ssl:
      tls === undefined
        ? false
        : { ca: tls.ca, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.3', rejectUnauthorized: true },
    application_name: 'muster',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    statement_timeout: STATEMENT_WITHIN_MS,
    query_timeout: STATEMENT_WITHIN_MS + 1_000,
    // A replica that stalls inside a transaction must not hold the others up.
    idle_in_transaction_session_timeout: STATEMENT_WITHIN_MS,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') => {
        if (oid === INT8) return safeInteger;
        return oid === BYTEA ? bytesOf : types.getTypeParser(oid, format ?? 'text');
      },
    },
  };
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('the database holds a number beyond 2^53');
  return value;
}

/** The hex form, which every server since 9.0 sends. */
function bytesOf(text: string): Uint8Array {
  if (!text.startsWith('\\x')) throw new TypeError('the database writes byte strings in another form than hex');
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}
