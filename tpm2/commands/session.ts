import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { ALG, algOfHash, CC, MAX_DIGEST_SIZE, RH } from '../constants.ts';
import { Writer } from '../writer.ts';
import { decodeHandleResponse, decodeResponse, EMPTY_PASSWORD, encodeCommand } from './frame.ts';
import { readTicket, type Ticket } from './ticket.ts';

const SESSION_TYPE = { hmac: 0, policy: 1, trial: 3 } as const;

/** TPM2_StartAuthSession, unsalted and unbound. `nonceCaller` has at least 16 bytes. */
export function encodeStartAuthSession(args: {
  readonly type: keyof typeof SESSION_TYPE;
  readonly nonceCaller: Bytes;
  readonly hash: HashName;
}): Bytes {
  const parameters = new Writer()
    .sized(args.nonceCaller)
    .sized(new Uint8Array())
    .u8(SESSION_TYPE[args.type])
    .u16(ALG.null)
    .u16(algOfHash(args.hash));
  return encodeCommand({ code: CC.startAuthSession, handles: [RH.null, RH.null], parameters: parameters.finish() });
}

/** A session, to be flushed by the caller. Throws as `decodeResponse` does. */
export function decodeStartAuthSession(response: Bytes): { readonly handle: number; readonly nonceTpm: Bytes } {
  return decodeHandleResponse(response, {
    what: 'TPM2_StartAuthSession',
    sessions: 0,
    read: (reader) => ({ nonceTpm: reader.sized(MAX_DIGEST_SIZE) }),
  });
}

/** TPM2_PolicySecret with the empty password of `authEntity`, without nonce, cpHash, policyRef or expiry. */
export function encodePolicySecret(authEntity: number, session: number): Bytes {
  const none = new Uint8Array();
  return encodeCommand({
    code: CC.policySecret,
    handles: [authEntity, session],
    authorizations: [EMPTY_PASSWORD],
    parameters: new Writer().sized(none).sized(none).sized(none).i32(0).finish(),
  });
}

/** The session's policy now has PolicySecret in it. Throws as `decodeResponse` does. */
export function decodePolicySecret(response: Bytes): { readonly timeout: Bytes; readonly ticket: Ticket } {
  return decodeResponse(response, {
    what: 'TPM2_PolicySecret',
    sessions: 1,
    read: (reader) => ({ timeout: reader.sized(8), ticket: readTicket(reader) }),
  });
}

/** TPM2_PolicyGetDigest. */
export function encodePolicyGetDigest(session: number): Bytes {
  return encodeCommand({ code: CC.policyGetDigest, handles: [session] });
}

/** The session's policy digest. Throws as `decodeResponse` does. */
export function decodePolicyGetDigest(response: Bytes): Bytes {
  return decodeResponse(response, { what: 'TPM2_PolicyGetDigest', sessions: 0, read: (r) => r.sized(MAX_DIGEST_SIZE) });
}
