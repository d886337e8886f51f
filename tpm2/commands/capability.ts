import type { Bytes } from '#core/bytes.ts';

import { CC } from '../constants.ts';
import { type PcrSelection, readPcrSelections } from '../pcr.ts';
import type { Reader } from '../reader.ts';
import { Writer } from '../writer.ts';
import { decodeResponse, encodeCommand } from './frame.ts';

/** TPM_CAP values this system asks for. */
export const CAPABILITY = { algorithms: 0, handles: 1, commands: 2, pcrs: 5, properties: 6, curves: 8 } as const;

/** TPM_PT values this system reads. */
export const PROPERTY = {
  fixed: 0x100,
  manufacturer: 0x105,
  firmwareVersion1: 0x10b,
  firmwareVersion2: 0x10c,
  nvBufferMax: 0x12c,
} as const;

/** TPMS_CAPABILITY_DATA. */
export type CapabilityData =
  | {
      readonly kind: 'algorithms';
      readonly algorithms: readonly { readonly alg: number; readonly attributes: number }[];
    }
  | { readonly kind: 'handles' | 'commands' | 'curves'; readonly values: readonly number[] }
  | { readonly kind: 'pcrs'; readonly selections: readonly PcrSelection[] }
  | { readonly kind: 'properties'; readonly properties: ReadonlyMap<number, number> };

/** TPM2_GetCapability: `count` values from `property` on. */
export function encodeGetCapability(args: {
  readonly capability: keyof typeof CAPABILITY;
  readonly property: number;
  readonly count: number;
}): Bytes {
  const parameters = new Writer().u32(CAPABILITY[args.capability]).u32(args.property).u32(args.count).finish();
  return encodeCommand({ code: CC.getCapability, parameters });
}

/** What the TPM says it has, and whether it has more of it. Throws as `decodeResponse` does. */
export function decodeGetCapability(response: Bytes): { readonly moreData: boolean; readonly data: CapabilityData } {
  return decodeResponse(response, {
    what: 'TPM2_GetCapability',
    sessions: 0,
    read: (reader) => {
      const moreData = reader.u8();
      if (moreData > 1) throw reader.fail('bad-value');
      return { moreData: moreData === 1, data: readCapabilityData(reader) };
    },
  });
}

/** More than fits in a response, for any kind of item. */
const MAX_ITEMS = 1024;

function readCapabilityData(reader: Reader): CapabilityData {
  switch (reader.u32()) {
    case CAPABILITY.algorithms:
      return { kind: 'algorithms', algorithms: list(reader, () => ({ alg: reader.u16(), attributes: reader.u32() })) };
    case CAPABILITY.handles:
      return { kind: 'handles', values: list(reader, () => reader.u32()) };
    case CAPABILITY.commands:
      return { kind: 'commands', values: list(reader, () => reader.u32()) };
    case CAPABILITY.pcrs:
      return { kind: 'pcrs', selections: readPcrSelections(reader) };
    case CAPABILITY.properties:
      return { kind: 'properties', properties: new Map(list(reader, () => [reader.u32(), reader.u32()] as const)) };
    case CAPABILITY.curves:
      return { kind: 'curves', values: list(reader, () => reader.u16()) };
    default:
      throw reader.fail('unknown-selector');
  }
}

function list<T>(reader: Reader, item: () => T): readonly T[] {
  return Array.from({ length: reader.count(MAX_ITEMS) }, item);
}
