import type { Bytes } from '#core/bytes.ts';

import { MAX_DIGEST_SIZE, RH, TAG } from '../constants.ts';
import { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';
import { type ResponseCode, responseCode } from './response-code.ts';

/** The largest command or response, in bytes: what /dev/tpmrm0 takes in one write. */
export const MAX_FRAME_SIZE = 4096;

const HEADER_SIZE = 10;

/** TPMS_AUTH_COMMAND: one authorisation, for the handle at the same place. */
export interface Authorization {
  readonly sessionHandle: number;
  readonly nonceCaller: Bytes;
  readonly attributes: number;
  readonly hmac: Bytes;
}

const CONTINUE_SESSION = 0x01;
const NOTHING = new Uint8Array();

/** Authorisation by the empty password. */
export const EMPTY_PASSWORD: Authorization = {
  sessionHandle: RH.password,
  nonceCaller: NOTHING,
  attributes: CONTINUE_SESSION,
  hmac: NOTHING,
};

/** Authorisation by a policy session without HMAC; the session stays loaded and is flushed by the caller. */
export function policyAuthorization(sessionHandle: number): Authorization {
  return { sessionHandle, nonceCaller: NOTHING, attributes: CONTINUE_SESSION, hmac: NOTHING };
}

interface Command {
  readonly code: number;
  readonly handles?: readonly number[];
  /** One for each handle that needs it, in handle order. None: the command carries no sessions. */
  readonly authorizations?: readonly Authorization[];
  readonly parameters?: Bytes;
}

/** A whole command. Throws RangeError if it is longer than MAX_FRAME_SIZE. */
export function encodeCommand({ code, handles = [], authorizations = [], parameters = NOTHING }: Command): Bytes {
  const body = new Writer();
  for (const handle of handles) body.u32(handle);
  if (authorizations.length > 0) {
    const area = authorizationArea(authorizations);
    body.u32(area.byteLength).bytes(area);
  }
  const rest = body.bytes(parameters).finish();
  const size = HEADER_SIZE + rest.byteLength;
  if (size > MAX_FRAME_SIZE) throw new RangeError('TPM command too long');
  const tag = authorizations.length > 0 ? TAG.sessions : TAG.noSessions;
  return new Writer().u16(tag).u32(size).u32(code).bytes(rest).finish();
}

export interface ResponseHeader {
  readonly tag: number;
  readonly size: number;
  readonly code: ResponseCode;
}

/**
 * The header of a whole response: its size is the number of bytes there are, and an error carries nothing else.
 * Throws Tpm2FormatError.
 */
export function parseResponseHeader(response: Bytes): ResponseHeader {
  const reader = new Reader(response, 'TPM response');
  const tag = reader.u16();
  const size = reader.u32();
  if (size !== response.byteLength || size > MAX_FRAME_SIZE) throw reader.fail('size-out-of-range');
  const code = responseCode(reader.u32());
  if (code.kind !== 'success') {
    reader.end();
    if (tag !== TAG.noSessions) throw reader.fail('bad-value');
  }
  return { tag, size, code };
}

/** The TPM refused the command. */
export class TpmResponseError extends Error {
  readonly code: ResponseCode;

  constructor(what: string, code: ResponseCode) {
    super(`${what}: TPM_RC_${code.name} (0x${code.rc.toString(16)})`);
    this.name = 'TpmResponseError';
    this.code = code;
  }
}

interface ResponseShape<T> {
  /** The command's name, for errors. */
  readonly what: string;
  /** How many authorisations the command had. */
  readonly sessions: number;
  /** Reads the parameters, all of them. */
  readonly read: (parameters: Reader) => T;
}

/** The parameters of a successful response, read to the last byte. Throws TpmResponseError for another response code, Tpm2FormatError. */
export function decodeResponse<T>(response: Bytes, shape: ResponseShape<T>): T {
  const reader = openResponse(response, shape);
  return decodeParameters(reader, shape);
}

/** As `decodeResponse`, for a command that makes a handle. */
export function decodeHandleResponse<T>(response: Bytes, shape: ResponseShape<T>): T & { readonly handle: number } {
  const reader = openResponse(response, shape);
  const handle = reader.u32();
  return { ...decodeParameters(reader, shape), handle };
}

/** A successful response without parameters. Throws as `decodeResponse` does. */
export function decodeEmptyResponse(response: Bytes, what: string, sessions: number): void {
  decodeResponse(response, { what, sessions, read: () => undefined });
}

function authorizationArea(authorizations: readonly Authorization[]): Bytes {
  const area = new Writer();
  for (const { sessionHandle, nonceCaller, attributes, hmac } of authorizations) {
    area.u32(sessionHandle).sized(nonceCaller).u8(attributes).sized(hmac);
  }
  return area.finish();
}

function openResponse<T>(response: Bytes, { what, sessions }: ResponseShape<T>): Reader {
  const { tag, code } = parseResponseHeader(response);
  if (code.kind !== 'success') throw new TpmResponseError(what, code);
  const reader = new Reader(response, `${what} response`);
  reader.bytes(HEADER_SIZE);
  if (tag !== (sessions > 0 ? TAG.sessions : TAG.noSessions)) throw reader.fail('bad-value');
  return reader;
}

function decodeParameters<T>(reader: Reader, { what, sessions, read }: ResponseShape<T>): T {
  const size = sessions > 0 ? reader.u32() : reader.remaining;
  const at = reader.offset;
  const parameters = new Reader(reader.bytes(size), `${what} parameters`, at);
  const result = read(parameters);
  parameters.end();
  for (let i = 0; i < sessions; i++) {
    reader.sized(MAX_DIGEST_SIZE);
    reader.u8();
    reader.sized(MAX_DIGEST_SIZE);
  }
  reader.end();
  return result;
}
