import { type Bytes, equalBytes, utf8 } from '#core/bytes.ts';

import { Reader } from '../reader.ts';
import { GUID_SIZE, guidText } from './efi-guid.ts';
import { utf16 } from './uefi-variable.ts';

/** A partition that an EV_EFI_GPT_EVENT lists. */
export interface GptPartition {
  readonly type: string;
  readonly guid: string;
  readonly name: string;
}

/** UEFI_GPT_DATA: the disk that the machine booted from. */
export interface GptDisk {
  readonly guid: string;
  readonly partitions: readonly GptPartition[];
}

const SIGNATURE = utf8('EFI PART');
const HEADER_SIZE = 92;
const DISK_GUID_AT = 56;
const ENTRY_SIZE_AT = 84;
const ENTRY_SIZE = 128;
const NAME_AT = 56;
const MAX_PARTITIONS = 1_024;

/** The UEFI_GPT_DATA in `bytes` (PC Client Platform Firmware Profile §10.2.7), which holds nothing else. Throws Tpm2FormatError. */
export function parseGptEvent(bytes: Bytes): GptDisk {
  const reader = new Reader(bytes, 'UEFI_GPT_DATA');
  const header = reader.bytes(HEADER_SIZE);
  if (!equalBytes(header.subarray(0, SIGNATURE.byteLength), SIGNATURE)) throw reader.fail('bad-value');
  const entrySize = new DataView(header.buffer, header.byteOffset).getUint32(ENTRY_SIZE_AT, true);
  if (entrySize !== ENTRY_SIZE) throw reader.fail('size-out-of-range');
  const count = reader.u64Le();
  if (count > BigInt(MAX_PARTITIONS)) throw reader.fail('count-out-of-range');
  const partitions = Array.from({ length: Number(count) }, () => partition(reader.bytes(ENTRY_SIZE)));
  reader.end();
  return { guid: guidText(header.subarray(DISK_GUID_AT, DISK_GUID_AT + GUID_SIZE)), partitions };
}

function partition(entry: Bytes): GptPartition {
  return {
    type: guidText(entry.subarray(0, GUID_SIZE)),
    guid: guidText(entry.subarray(GUID_SIZE, 2 * GUID_SIZE)),
    name: utf16(entry.subarray(NAME_AT)).replace(/\0.*$/su, ''),
  };
}
