import type { Bytes } from '#core/bytes.ts';

/** Most structures fit; the others make the buffer grow. */
const FIRST_BYTES = 128;

/** Writes big-endian TPM structures. Values out of their type's range throw RangeError: they are programming errors. */
export class Writer {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  u8(value: number): this {
    this.#length = this.#roomFor(1).writeUInt8(value, this.#length);
    return this;
  }

  u16(value: number): this {
    this.#length = this.#roomFor(2).writeUInt16BE(value, this.#length);
    return this;
  }

  u32(value: number): this {
    this.#length = this.#roomFor(4).writeUInt32BE(value, this.#length);
    return this;
  }

  i32(value: number): this {
    this.#length = this.#roomFor(4).writeInt32BE(value, this.#length);
    return this;
  }

  u64(value: bigint): this {
    this.#length = this.#roomFor(8).writeBigUInt64BE(value, this.#length);
    return this;
  }

  bytes(bytes: Bytes): this {
    this.#roomFor(bytes.byteLength).set(bytes, this.#length);
    this.#length += bytes.byteLength;
    return this;
  }

  /** A TPM2B: a 16-bit size, then the bytes. */
  sized(bytes: Bytes): this {
    return this.u16(bytes.byteLength).bytes(bytes);
  }

  /** Everything written so far. */
  finish(): Bytes {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The buffer, with `length` bytes free behind what is written. */
  #roomFor(length: number): Buffer {
    const needed = this.#length + length;
    if (needed > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.byteLength));
      larger.set(this.finish());
      this.#buffer = larger;
    }
    return this.#buffer;
  }
}
