import type { Bytes } from '#core/bytes.ts';

/** One field of a protocol buffer message: its number, and its value as a number or as bytes. */
export interface ProtobufField {
  readonly field: number;
  readonly value: number | Bytes;
}

/** The fields of `message`, in order: varints and length-delimited ones, which is all that the vectors have. */
export function readProtobuf(message: Bytes): readonly ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('truncated varint');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.byteLength) {
    const key = varint();
    const number = varint();
    if ((key & 7) === 0) fields.push({ field: key >>> 3, value: number });
    else if ((key & 7) === 2) fields.push({ field: key >>> 3, value: message.subarray(at, (at += number)) });
    else throw new RangeError(`wire type ${key & 7}`);
  }
  return fields;
}

/** The byte strings under one field number. */
export const bytesOf = (fields: readonly ProtobufField[], field: number): readonly Bytes[] =>
  fields.flatMap((entry) => (entry.field === field && typeof entry.value !== 'number' ? [entry.value] : []));

/** The number under a field number; 0, the default, where it is absent. */
export function numberOf(fields: readonly ProtobufField[], field: number): number {
  const value = fields.find((entry) => entry.field === field)?.value ?? 0;
  if (typeof value !== 'number') throw new TypeError(`field ${field} is not a number`);
  return value;
}
