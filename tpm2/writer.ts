import { type Bytes, concatBytes } from '#core/bytes.ts';

/** Writes big-endian TPM structures. Values out of their type's range throw RangeError: they are programming errors. */
export class Writer {
  readonly #parts: Bytes[] = [];

  u8(value: number): this {
    const part = Buffer.alloc(1);
    part.writeUInt8(value);
    return this.bytes(part);
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    part.writeUInt16BE(value);
    return this.bytes(part);
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32BE(value);
    return this.bytes(part);
  }

  i32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value);
    return this.bytes(part);
  }

  u64(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(value);
    return this.bytes(part);
  }

  bytes(bytes: Bytes): this {
    this.#parts.push(bytes);
    return this;
  }

  /** A TPM2B: a 16-bit size, then the bytes. */
  sized(bytes: Bytes): this {
    return this.u16(bytes.byteLength).bytes(bytes);
  }

  /** Everything written so far. */
  finish(): Bytes {
    return concatBytes(...this.#parts);
  }
}
