import { AnswerTooLongError, RequestTimeoutError } from './connection.ts';

/** How far a connection got before it failed. */
export type ConnectionStage = 'name' | 'connect' | 'tls' | 'answer';

/** A connection that failed: where, and in words for an operator, without a full stop. */
export interface ConnectionFault {
  readonly stage: ConnectionStage;
  readonly reason: string;
}

const NAME_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME']);
const CONNECT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'the connection attempt timed out',
};
const TLS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate was not issued by a CA in serviceCaFile',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate was not issued by a CA in serviceCaFile',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate was not issued by a CA in serviceCaFile',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate was not issued by a CA in serviceCaFile',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate was not issued by a CA in serviceCaFile',
  CERT_SIGNATURE_FAILURE: 'its certificate was not issued by the CA in serviceCaFile that has its issuer’s name',
  CERT_HAS_EXPIRED: 'its certificate has expired, or this machine’s clock is ahead',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or this machine’s clock is behind',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not speak TLS 1.3',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it does not speak TLS 1.3',
  EPROTO: 'it does not speak TLS 1.3',
};

/** What an error from `postJson`, from a name look-up or from a TLS connection says about the way to the service. */
export function connectionFault(error: unknown): ConnectionFault {
  const code = codeOf(error);
  if (error instanceof RequestTimeoutError || error instanceof AnswerTooLongError) {
    return { stage: 'answer', reason: error.message };
  }
  if (NAME_CODES.has(code)) return { stage: 'name', reason: 'its name cannot be resolved' };
  const connect = CONNECT[code];
  if (connect !== undefined) return { stage: 'connect', reason: connect };
  const tls = TLS[code];
  if (tls !== undefined) return { stage: 'tls', reason: tls };
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('CERT_')) {
    return { stage: 'tls', reason: `the TLS handshake failed (${code})` };
  }
  return { stage: 'answer', reason: `the connection broke (${code === '' ? String(error) : code})` };
}

function codeOf(error: unknown): string {
  // Several addresses of one name fail together as one AggregateError; the first tells as much as the rest.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : '';
}
