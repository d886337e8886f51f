import type { Bytes } from '#core/bytes.ts';
import { fromHex, toHex } from '#core/bytes.ts';
import { isSerial, type Serial } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';

/**
 * The first byte of every serial number. It is below 0x80 and not zero, so that each serial is positive and 17 bytes long whatever the
 * random bytes are, and none of the random bits goes into making it so.
 */
const LEAD_BYTE = 0x4d;
const RANDOM_BYTES = 16;

/** Bytes of every serial number made here, and of its INTEGER's content. */
export const SERIAL_BYTES = 1 + RANDOM_BYTES;

/** A serial number with 128 random bits: positive, 17 bytes, within RFC 5280 §4.1.2.2's limit of 20. */
export function newSerial(random: RandomSource): Serial {
  const bytes = random(RANDOM_BYTES);
  if (bytes.byteLength !== RANDOM_BYTES) throw new RangeError('random source gave another number of bytes');
  const serial = LEAD_BYTE.toString(16).padStart(2, '0') + toHex(bytes);
  if (!isSerial(serial)) throw new RangeError('not a serial number');
  return serial;
}

/** The big-endian bytes of a serial number. */
export const serialBytes = (serial: Serial): Bytes => fromHex(serial);

/** True for a serial number of the form that `newSerial` makes. */
export const isOwnSerial = (content: Bytes): boolean => content.byteLength === SERIAL_BYTES && content[0] === LEAD_BYTE;
