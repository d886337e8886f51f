import type { Reader } from '../reader.ts';

/** The next `length` bytes, one character for each. For strings of a few bytes, where a view and a decoder cost more than the loop. */
export function readLatin1(reader: Reader, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(reader.u8());
  return text;
}
