import type { Bytes } from '#core/bytes.ts';

import { Tpm2FormatError } from '../format-error.ts';
import { Reader } from '../reader.ts';
import { utf16 } from './uefi-variable.ts';

/** EFI_IMAGE_LOAD_EVENT. The event's digest is of the image, so that nothing here is proven. */
export interface ImageLoad {
  readonly base: bigint;
  readonly length: bigint;
  readonly linkTime: bigint;
  /** EFI_DEVICE_PATH_PROTOCOL nodes; may be empty. */
  readonly devicePath: Bytes;
}

/** The EFI_IMAGE_LOAD_EVENT in `bytes`, which holds nothing else but zeros. Throws Tpm2FormatError. */
export function parseImageLoad(bytes: Bytes): ImageLoad {
  const reader = new Reader(bytes, 'EFI_IMAGE_LOAD_EVENT');
  const base = reader.u64Le();
  const length = reader.u64Le();
  const linkTime = reader.u64Le();
  const pathLength = reader.u64Le();
  const devicePath = reader.bytes(Number(pathLength));
  // Shims of 2020 wrote longer events than they filled.
  if (reader.rest().some((octet) => octet !== 0)) throw reader.fail('trailing-bytes');
  return { base, length, linkTime, devicePath };
}

const END = 0x7f;
const MEDIA = 0x04;
const FILE_PATH = 0x04;
const NODE_HEADER_SIZE = 4;

/** The files that the nodes of a device path name, put together; undefined if none does. Throws Tpm2FormatError. */
export function filePath(devicePath: Bytes): string | undefined {
  const reader = new Reader(devicePath, 'device path');
  let path: string | undefined;
  while (reader.remaining > 0) {
    const type = reader.u8();
    const subtype = reader.u8();
    const length = reader.u16Le();
    if (length < NODE_HEADER_SIZE) throw reader.fail('size-out-of-range');
    const content = reader.bytes(length - NODE_HEADER_SIZE);
    if (type === END) break;
    if (type === MEDIA && subtype === FILE_PATH) path = (path ?? '') + utf16(content).replace(/\0+$/, '');
  }
  return path;
}

/** For people who read a report: the file that an image-load event says it is about, if it says so in good form. Never proven. */
export function claimedImagePath(eventData: Bytes): string | undefined {
  try {
    return filePath(parseImageLoad(eventData).devicePath);
  } catch (error) {
    if (error instanceof Tpm2FormatError) return undefined;
    throw error;
  }
}
