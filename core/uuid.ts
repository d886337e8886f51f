import { type Bytes, toHex } from './bytes.ts';

/** A version 4 UUID (RFC 9562 §5.4) of 16 random bytes, in lower case. Throws RangeError on any other number of bytes. */
export function uuidV4(random: Bytes): string {
  if (random.byteLength !== 16) throw new RangeError('a UUID is made of 16 bytes');
  const bytes = Uint8Array.from(random);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
