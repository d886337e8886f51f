import type { Bytes } from '#core/bytes.ts';

import { type AsymmetricScheme, writeScheme } from '../algorithms.ts';
import { CC, MAX_DIGEST_SIZE } from '../constants.ts';
import { type PcrSelection, writePcrSelections } from '../pcr.ts';
import { Reader } from '../reader.ts';
import { parseSignature } from '../signature.ts';
import { Writer } from '../writer.ts';
import { type Authorization, decodeResponse, EMPTY_PASSWORD, encodeCommand } from './frame.ts';
import { NULL_HASHCHECK, writeTicket } from './ticket.ts';

/** The key's own signing scheme. */
const KEY_SCHEME: AsymmetricScheme = { kind: 'null' };

/**
 * TPM2_ActivateCredential. `credentialBlob` and `encryptedSecret` are TPM2B structures with their sizes, as `makeCredential` returns them;
 * they came over the network, and anything but one whole TPM2B each is a Tpm2FormatError.
 */
export function encodeActivateCredential(args: {
  readonly activateHandle: number;
  readonly keyHandle: number;
  /** The EK's; a policy session for the low range's templates. */
  readonly keyAuthorization: Authorization;
  readonly credentialBlob: Bytes;
  readonly encryptedSecret: Bytes;
}): Bytes {
  const blob = contentOf(args.credentialBlob, 'TPM2B_ID_OBJECT');
  const secret = contentOf(args.encryptedSecret, 'TPM2B_ENCRYPTED_SECRET');
  return encodeCommand({
    code: CC.activateCredential,
    handles: [args.activateHandle, args.keyHandle],
    authorizations: [EMPTY_PASSWORD, args.keyAuthorization],
    parameters: new Writer().sized(blob).sized(secret).finish(),
  });
}

/** The secret in the credential. Throws as `decodeResponse` does. */
export function decodeActivateCredential(response: Bytes): Bytes {
  return decodeResponse(response, {
    what: 'TPM2_ActivateCredential',
    sessions: 2,
    read: (reader) => reader.sized(MAX_DIGEST_SIZE),
  });
}

/** TPM2_Quote by the key's own scheme. */
export function encodeQuote(args: {
  readonly signHandle: number;
  readonly qualifyingData: Bytes;
  readonly selections: readonly PcrSelection[];
}): Bytes {
  const parameters = writeScheme(new Writer().sized(args.qualifyingData), KEY_SCHEME);
  return encodeCommand({
    code: CC.quote,
    handles: [args.signHandle],
    authorizations: [EMPTY_PASSWORD],
    parameters: writePcrSelections(parameters, args.selections).finish(),
  });
}

/** TPM2_Certify of one object by another's key, by the key's own scheme. */
export function encodeCertify(args: {
  readonly objectHandle: number;
  readonly signHandle: number;
  readonly qualifyingData: Bytes;
}): Bytes {
  return encodeCommand({
    code: CC.certify,
    handles: [args.objectHandle, args.signHandle],
    authorizations: [EMPTY_PASSWORD, EMPTY_PASSWORD],
    parameters: writeScheme(new Writer().sized(args.qualifyingData), KEY_SCHEME).finish(),
  });
}

/** A signed statement, both halves as the TPM wrote them. */
export interface SignedAttest {
  /** TPMS_ATTEST. */
  readonly attest: Bytes;
  /** TPMT_SIGNATURE, well formed; not verified. */
  readonly signature: Bytes;
}

/** Throws as `decodeResponse` does. */
export function decodeQuote(response: Bytes): SignedAttest {
  return decodeSignedAttest(response, 'TPM2_Quote', 1);
}

/** Throws as `decodeResponse` does. */
export function decodeCertify(response: Bytes): SignedAttest {
  return decodeSignedAttest(response, 'TPM2_Certify', 2);
}

/** TPM2_Sign of a digest that was computed outside the TPM; a restricted key refuses it. */
export function encodeSign(args: {
  readonly keyHandle: number;
  readonly digest: Bytes;
  readonly scheme: AsymmetricScheme;
}): Bytes {
  const parameters = writeScheme(new Writer().sized(args.digest), args.scheme);
  return encodeCommand({
    code: CC.sign,
    handles: [args.keyHandle],
    authorizations: [EMPTY_PASSWORD],
    parameters: writeTicket(parameters, NULL_HASHCHECK).finish(),
  });
}

/** TPMT_SIGNATURE, well formed; not verified. Throws as `decodeResponse` does. */
export function decodeSign(response: Bytes): Bytes {
  return decodeResponse(response, { what: 'TPM2_Sign', sessions: 1, read: readSignatureBytes });
}

function decodeSignedAttest(response: Bytes, what: string, sessions: number): SignedAttest {
  return decodeResponse(response, {
    what,
    sessions,
    read: (reader) => ({ attest: reader.sized(), signature: readSignatureBytes(reader) }),
  });
}

function readSignatureBytes(reader: Reader): Bytes {
  const signature = reader.rest();
  parseSignature(signature);
  return signature;
}

function contentOf(sized: Bytes, what: string): Bytes {
  const reader = new Reader(sized, what);
  const content = reader.sized();
  reader.end();
  return content;
}
