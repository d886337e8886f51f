import { type Bytes, equalBytes } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';

/** One PCR of one bank, replayed in software: extending it gives the values that a TPM's would have. */
export class PcrRegister {
  readonly #bank: HashName;
  readonly #size: number;
  /** The present value, then room for the digest that extends it. */
  readonly #input: Uint8Array;

  /** `initial` is a digest of the bank. Throws RangeError otherwise. */
  constructor(bank: HashName, initial: Bytes) {
    this.#bank = bank;
    this.#size = DIGEST_SIZE[bank];
    this.#input = new Uint8Array(this.#size * 2);
    this.#input.set(this.#checked(initial));
  }

  /** Replaces the value by the digest of value ‖ `extension`. Throws RangeError if `extension` is not a digest of the bank. */
  extend(extension: Bytes): void {
    this.#input.set(this.#checked(extension), this.#size);
    this.#input.set(digest(this.#bank, this.#input));
  }

  /** A copy of the present value. */
  value(): Bytes {
    return this.#input.slice(0, this.#size);
  }

  /** True when the present value is `other`. */
  equals(other: Bytes): boolean {
    return this.#input[0] === other[0] && equalBytes(this.#input.subarray(0, this.#size), other);
  }

  #checked(bytes: Bytes): Bytes {
    if (bytes.byteLength !== this.#size) throw new RangeError(`a ${this.#bank} PCR has ${this.#size} bytes`);
    return bytes;
  }
}

/** Value of a PCR after a TPM Reset (PC Client Platform TPM Profile §4.6.1), but for the startup locality in PCR 0. */
export function resetValue(pcr: number, bank: HashName): Bytes {
  return new Uint8Array(DIGEST_SIZE[bank]).fill(pcr >= 17 && pcr <= 22 ? 0xff : 0);
}
