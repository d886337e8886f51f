import type { Bytes } from '#core/bytes.ts';

import { type Tpm2FormatCode, Tpm2FormatError } from './format-error.ts';

/**
 * Reads big-endian TPM structures (or little-endian logs, by the `Le` methods) within bounds: no method returns bytes past the end of
 * the input, and every failure is a Tpm2FormatError. A parser is done only when `end()` has returned.
 */
export class Reader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #what: string;
  /** Where this reader's first byte stands in the outermost input; for error offsets alone. */
  readonly #base: number;
  #offset = 0;

  constructor(bytes: Bytes, what: string, base = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#base = base;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#offset;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  u16Le(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32Le(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64Le(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  /** The next `length` bytes, as a view into the input. */
  bytes(length: number): Bytes {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A TPM2B: a 16-bit size and as many bytes, at most `max`. */
  sized(max = 0xffff): Bytes {
    const size = this.u16();
    if (size > max) throw this.fail('size-out-of-range');
    return this.bytes(size);
  }

  /** A reader over the content of a TPM2B; the caller ends it with `end()`. */
  sizedReader(what: string, max = 0xffff): Reader {
    const at = this.#offset + 2;
    return new Reader(this.sized(max), what, this.#base + at);
  }

  /** A 32-bit count of at most `max` items. */
  count(max: number): number {
    const count = this.u32();
    if (count > max) throw this.fail('count-out-of-range');
    return count;
  }

  /** All bytes not yet read. */
  rest(): Bytes {
    return this.bytes(this.remaining);
  }

  /** Throws unless every byte was read. */
  end(): void {
    if (this.remaining !== 0) throw this.fail('trailing-bytes');
  }

  /** The error for something wrong at the present offset; the caller throws it. */
  fail(code: Tpm2FormatCode): Tpm2FormatError {
    return new Tpm2FormatError(code, this.#base + this.#offset, this.#what);
  }

  #take(length: number): number {
    if (length > this.remaining) throw this.fail('truncated');
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}
