import type { Bytes } from '#core/bytes.ts';

import { Reader } from '../reader.ts';
import { GUID_SIZE, guidText } from './efi-guid.ts';

/** UEFI_VARIABLE_DATA: a variable's vendor, name and contents. */
export interface UefiVariable {
  readonly guid: string;
  readonly name: string;
  /** A view into the event. */
  readonly data: Bytes;
}

/**
 * The UEFI_VARIABLE_DATA in an event's data (PC Client Platform Firmware Profile §10.2.6), which holds nothing else. Its lengths are 64 bits
 * wide and checked before anything is read. Throws Tpm2FormatError.
 */
export function parseUefiVariable(bytes: Bytes): UefiVariable {
  const reader = new Reader(bytes, 'UEFI_VARIABLE_DATA');
  const variable = readUefiVariable(reader);
  reader.end();
  return variable;
}

/** As `parseUefiVariable`, with up to seven zero bytes at the end, as shims before 15.3 have them. Throws Tpm2FormatError. */
export function parsePaddedUefiVariable(bytes: Bytes): UefiVariable {
  const reader = new Reader(bytes, 'UEFI_VARIABLE_DATA');
  const variable = readUefiVariable(reader);
  if (reader.remaining > MAX_PADDING || reader.rest().some((octet) => octet !== 0)) throw reader.fail('trailing-bytes');
  return variable;
}

const MAX_PADDING = 7;

function readUefiVariable(reader: Reader): UefiVariable {
  const guid = guidText(reader.bytes(GUID_SIZE));
  const nameLength = reader.u64Le();
  const dataLength = reader.u64Le();
  // A length beyond 2^53 is rounded, and stays far beyond any input.
  const name = utf16(reader.bytes(Number(nameLength) * 2));
  return { guid, name, data: reader.bytes(Number(dataLength)) };
}

/** UTF-16LE text; what is not valid in it becomes replacement characters. An odd last byte is left out. */
export function utf16(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf16le');
}
