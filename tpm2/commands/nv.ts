import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { readHash } from '../algorithms.ts';
import { CC, MAX_DIGEST_SIZE, MAX_NAME_SIZE } from '../constants.ts';
import { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';
import { decodeResponse, EMPTY_PASSWORD, encodeCommand } from './frame.ts';

/** TPMA_NV bits that decide who may read an index, and whether there is something in it. */
export const NV_ATTRIBUTE = { ownerRead: 1 << 17, authRead: 1 << 18, written: 1 << 29 } as const;

/** TPMS_NV_PUBLIC. */
export interface NvPublic {
  readonly index: number;
  readonly nameAlg: HashName;
  /** TPMA_NV. */
  readonly attributes: number;
  readonly authPolicy: Bytes;
  readonly dataSize: number;
}

/** TPM2_NV_ReadPublic. */
export function encodeNvReadPublic(index: number): Bytes {
  return encodeCommand({ code: CC.nvReadPublic, handles: [index] });
}

/** The index's public area, its exact bytes and its Name as the TPM gives it. Throws as `decodeResponse` does. */
export function decodeNvReadPublic(response: Bytes): {
  readonly nvPublic: NvPublic;
  readonly publicBytes: Bytes;
  readonly name: Bytes;
} {
  return decodeResponse(response, {
    what: 'TPM2_NV_ReadPublic',
    sessions: 0,
    read: (reader) => {
      const publicBytes = reader.sized();
      return { nvPublic: parseNvPublic(publicBytes), publicBytes, name: reader.sized(MAX_NAME_SIZE) };
    },
  });
}

/** TPM2_NV_Read, authorised by the empty password of `authHandle`: the index itself, or the owner. */
export function encodeNvRead(args: {
  readonly authHandle: number;
  readonly index: number;
  readonly size: number;
  readonly offset: number;
}): Bytes {
  return encodeCommand({
    code: CC.nvRead,
    handles: [args.authHandle, args.index],
    authorizations: [EMPTY_PASSWORD],
    parameters: new Writer().u16(args.size).u16(args.offset).finish(),
  });
}

/** One chunk of an index's contents. Throws as `decodeResponse` does. */
export function decodeNvRead(response: Bytes): Bytes {
  return decodeResponse(response, { what: 'TPM2_NV_Read', sessions: 1, read: (reader) => reader.sized() });
}

function parseNvPublic(bytes: Bytes): NvPublic {
  const reader = new Reader(bytes, 'TPMS_NV_PUBLIC');
  const nvPublic = {
    index: reader.u32(),
    nameAlg: readHash(reader),
    attributes: reader.u32(),
    authPolicy: reader.sized(MAX_DIGEST_SIZE),
    dataSize: reader.u16(),
  };
  reader.end();
  return nvPublic;
}
