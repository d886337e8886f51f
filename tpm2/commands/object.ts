import type { Bytes } from '#core/bytes.ts';

import { CC, MAX_DIGEST_SIZE, MAX_NAME_SIZE, RH } from '../constants.ts';
import { encodePcrSelections } from '../pcr.ts';
import type { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';
import { decodeEmptyResponse, decodeHandleResponse, decodeResponse, EMPTY_PASSWORD, encodeCommand } from './frame.ts';
import { readTicket, type Ticket } from './ticket.ts';

/** TPM2B_SENSITIVE_CREATE with an empty password and no data. */
const EMPTY_SENSITIVE = new Writer().sized(new Writer().u16(0).u16(0).finish()).finish();

/** What TPM2_Create and TPM2_CreatePrimary say about the object besides its public area. */
export interface Creation {
  /** TPMT_PUBLIC, as the TPM wrote it. */
  readonly publicArea: Bytes;
  /** TPMS_CREATION_DATA. */
  readonly creationData: Bytes;
  readonly creationHash: Bytes;
  readonly creationTicket: Ticket;
}

/** TPM2_CreatePrimary of `template` (TPMT_PUBLIC) under a hierarchy, with an empty password. */
export function encodeCreatePrimary(hierarchy: number, template: Bytes): Bytes {
  return encodeCommand({
    code: CC.createPrimary,
    handles: [hierarchy],
    authorizations: [EMPTY_PASSWORD],
    parameters: creationParameters(template),
  });
}

/** A loaded primary object; `name` is the TPM's word. Throws as `decodeResponse` does. */
export function decodeCreatePrimary(response: Bytes): Creation & { readonly handle: number; readonly name: Bytes } {
  return decodeHandleResponse(response, {
    what: 'TPM2_CreatePrimary',
    sessions: 1,
    read: (reader) => ({ ...readCreation(reader), name: reader.sized(MAX_NAME_SIZE) }),
  });
}

/** TPM2_Create of `template` (TPMT_PUBLIC) under a loaded parent with an empty password. */
export function encodeCreate(parent: number, template: Bytes): Bytes {
  return encodeCommand({
    code: CC.create,
    handles: [parent],
    authorizations: [EMPTY_PASSWORD],
    parameters: creationParameters(template),
  });
}

/** The object's halves, for `encodeLoad`. Throws as `decodeResponse` does. */
export function decodeCreate(response: Bytes): Creation & { readonly privateArea: Bytes } {
  return decodeResponse(response, {
    what: 'TPM2_Create',
    sessions: 1,
    read: (reader) => ({ privateArea: reader.sized(), ...readCreation(reader) }),
  });
}

/** TPM2_Load. Both halves without their TPM2B sizes. */
export function encodeLoad(parent: number, privateArea: Bytes, publicArea: Bytes): Bytes {
  return encodeCommand({
    code: CC.load,
    handles: [parent],
    authorizations: [EMPTY_PASSWORD],
    parameters: new Writer().sized(privateArea).sized(publicArea).finish(),
  });
}

/** A loaded object; `name` is the TPM's word. Throws as `decodeResponse` does. */
export function decodeLoad(response: Bytes): { readonly handle: number; readonly name: Bytes } {
  return decodeHandleResponse(response, {
    what: 'TPM2_Load',
    sessions: 1,
    read: (reader) => ({ name: reader.sized(MAX_NAME_SIZE) }),
  });
}

/** TPM2_ReadPublic. */
export function encodeReadPublic(handle: number): Bytes {
  return encodeCommand({ code: CC.readPublic, handles: [handle] });
}

/** TPMT_PUBLIC without its size, and the names the TPM gives. Throws as `decodeResponse` does. */
export function decodeReadPublic(response: Bytes): {
  readonly publicArea: Bytes;
  readonly name: Bytes;
  readonly qualifiedName: Bytes;
} {
  return decodeResponse(response, {
    what: 'TPM2_ReadPublic',
    sessions: 0,
    read: (reader) => ({
      publicArea: reader.sized(),
      name: reader.sized(MAX_NAME_SIZE),
      qualifiedName: reader.sized(MAX_NAME_SIZE),
    }),
  });
}

/** TPM2_EvictControl by the owner: makes a loaded object persistent, or removes a persistent one (`object` is then `persistentHandle`). */
export function encodeEvictControl(object: number, persistentHandle: number): Bytes {
  return encodeCommand({
    code: CC.evictControl,
    handles: [RH.owner, object],
    authorizations: [EMPTY_PASSWORD],
    parameters: new Writer().u32(persistentHandle).finish(),
  });
}

/** Returns if it was done; throws as `decodeResponse` does. */
export function decodeEvictControl(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_EvictControl', 1);
}

/** TPM2_FlushContext of a transient object or a session. */
export function encodeFlushContext(handle: number): Bytes {
  return encodeCommand({ code: CC.flushContext, parameters: new Writer().u32(handle).finish() });
}

/** Returns if it was done; throws as `decodeResponse` does. */
export function decodeFlushContext(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_FlushContext', 0);
}

function creationParameters(template: Bytes): Bytes {
  const writer = new Writer().bytes(EMPTY_SENSITIVE).sized(template);
  return writer.sized(new Uint8Array()).bytes(encodePcrSelections([])).finish();
}

function readCreation(reader: Reader): Creation {
  return {
    publicArea: reader.sized(),
    creationData: reader.sized(),
    creationHash: reader.sized(MAX_DIGEST_SIZE),
    creationTicket: readTicket(reader),
  };
}
