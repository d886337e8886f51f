import type { IncomingMessage } from 'node:http';

import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import type { FieldError } from '#protocol/problem.ts';

import { ProblemError } from './problem-error.ts';

/** What a caller whose body was refused may still send on the connection before it is cut, in bytes. */
const LINGER_BYTES = 1_048_576;

/** Told of the bytes that a body will take before they are kept; throws ProblemError where they are too many. */
export type TakeBytes = (bytes: number) => void;

/** The request's JSON body, of `limit` bytes at most. Throws ProblemError: 415, 413, what `take` throws, or `malformed-request`. */
export async function readJsonBody(request: IncomingMessage, limit: number, take?: TakeBytes): Promise<unknown> {
  requireJson(request);
  const bytes = await readBody(request, limit, take);
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof JsonFormatError) throw malformed([{ pointer: '', detail: error.code }]);
    throw error;
  }
}

/** True when the request announces a body, of whatever length. */
export const hasBody = (request: IncomingMessage): boolean =>
  request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';

/** `malformed-request` with the members that were wrong. */
export const malformed = (errors: readonly FieldError[]): ProblemError =>
  new ProblemError('malformed-request', { errors });

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i;

function requireJson(request: IncomingMessage): void {
  // A decompressor in front of the limit would make the limit say nothing.
  if (request.headers['content-encoding'] !== undefined) throw new ProblemError('unsupported-media-type');
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) throw new ProblemError('unsupported-media-type');
}

/**
 * All bytes of the body, `limit` at most, counted as they arrive. Throws ProblemError: a length announced over the limit is refused before
 * any is read. `take` is told of an announced length at once, and of each piece where none is announced.
 */
export function readBody(request: IncomingMessage, limit: number, take: TakeBytes = anyNumber): Promise<Buffer> {
  const announced = request.headers['content-length'];
  if (announced !== undefined) {
    try {
      if (Number(announced) > limit) throw new ProblemError('payload-too-large');
      take(Number(announced));
    } catch (error) {
      drain(request);
      return Promise.reject(asError(error));
    }
  }
  return collect(request, limit, announced === undefined ? take : anyNumber);
}

const anyNumber: TakeBytes = () => undefined;
const asError = (error: unknown): Error => (error instanceof Error ? error : new Error('a body was refused'));

function collect(request: IncomingMessage, limit: number, take: TakeBytes): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isRead = false;
    const onData = (chunk: Buffer): void => {
      size += chunk.byteLength;
      try {
        if (size > limit) throw new ProblemError('payload-too-large');
        take(chunk.byteLength);
        chunks.push(chunk);
      } catch (error) {
        request.off('data', onData);
        chunks.length = 0;
        drain(request);
        reject(asError(error));
      }
    };
    request.on('data', onData);
    request.once('end', () => {
      isRead = true;
      resolve(Buffer.concat(chunks));
    });
    request.once('error', reject);
    request.once('close', () => {
      if (!isRead) reject(new ProblemError('malformed-request'));
    });
  });
}

/** Reads on without keeping anything, so that the answer is not lost in a reset; cuts the connection when it goes on too long. */
function drain(request: IncomingMessage): void {
  let drained = 0;
  request.on('data', (chunk: Buffer) => {
    drained += chunk.byteLength;
    if (drained > LINGER_BYTES) request.socket.destroy();
  });
}
