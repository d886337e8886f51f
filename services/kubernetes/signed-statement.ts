import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

import { type Bytes, fromBase64Url, isBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';

import type { SnapshotChange } from './snapshot.ts';
import { parseStatement, renderStatement } from './statement.ts';
import { StatementFormatError } from './statement-format-error.ts';

/** Bytes of one statement, at most: room for 300,000 nodes. */
export const STATEMENT_MAX_BYTES = 134_217_728;

/** First line of a signed statement: the payload's length in bytes and the Ed25519 signature over the payload (RFC 8032). */
const FRAME = /^muster-signed\/v1 ([1-9][0-9]{0,8}) ([A-Za-z0-9_-]{86})$/;
const FRAME_MAX_BYTES = 128;

export type VerifiedStatement =
  | {
      readonly ok: true;
      readonly stated: SnapshotChange;
      /** Where the next one begins. */
      readonly end: number;
    }
  | { readonly ok: false; readonly denial: 'signature-wrong' };

/** An Ed25519 private key for statements, from PKCS#8 PEM. Throws TypeError on any other key. */
export function parseSnapshotKey(pem: string): KeyObject {
  return requireEd25519(createPrivateKey(pem));
}

/** The other half, from SubjectPublicKeyInfo PEM. Throws TypeError on any other key. */
export function parseSnapshotPublicKey(pem: string): KeyObject {
  // A private key would give its public half too, and has no business on a control-plane host.
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----')) throw new TypeError('not a PEM public key');
  return requireEd25519(createPublicKey(pem));
}

/** `stated`, rendered and signed: what goes over the wire and into the authorizer's file. */
export function signStatement(stated: SnapshotChange, key: KeyObject): Bytes {
  const payload = utf8(renderStatement(stated));
  const signature = toBase64Url(sign(null, payload, requireEd25519(key)));
  return Buffer.concat([utf8(`muster-signed/v1 ${payload.byteLength} ${signature}\n`), payload]);
}

/**
 * The statement that begins at `start`. On `ok` these very bytes were signed with the key's other half, and `stated` was read from them;
 * it does not follow that they are new, or continue anything: that is `Snapshot.apply`. Throws StatementFormatError: `incomplete` where
 * the bytes end before the statement does, `not-framed` where they are none, and what a parser says of a payload that verified.
 */
export function verifyStatement(bytes: Bytes, start: number, key: KeyObject): VerifiedStatement {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lineEnd = buffer.indexOf(0x0a, start);
  const isShort = buffer.byteLength - start < FRAME_MAX_BYTES;
  if (lineEnd === -1) throw new StatementFormatError(isShort ? 'incomplete' : 'not-framed', 0);
  const frame = FRAME.exec(buffer.toString('latin1', start, Math.min(lineEnd, start + FRAME_MAX_BYTES)));
  const [, length = '', signature = ''] = frame ?? [];
  if (frame === null || !isBase64Url(signature)) throw new StatementFormatError('not-framed', 0);
  if (Number(length) > STATEMENT_MAX_BYTES) throw new StatementFormatError('too-large', 0);
  const end = lineEnd + 1 + Number(length);
  if (end > buffer.byteLength) throw new StatementFormatError('incomplete', 0);
  const payload = buffer.subarray(lineEnd + 1, end);
  if (!verify(null, payload, requireEd25519(key), fromBase64Url(signature))) {
    return { ok: false, denial: 'signature-wrong' };
  }
  return { ok: true, stated: parseStatement(payload.toString('latin1')), end };
}

function requireEd25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not an Ed25519 key');
  return key;
}
