/** What is wrong with bytes that claim to be a TPM structure or a log of one. */
export type Tpm2FormatCode =
  | 'truncated'
  | 'trailing-bytes'
  | 'size-out-of-range'
  | 'count-out-of-range'
  | 'unknown-selector'
  | 'reserved-bits-set'
  | 'not-canonical'
  | 'bad-value';

/** Bytes that are not the structure they should be. `offset` counts from the start of the outermost input. */
export class Tpm2FormatError extends Error {
  readonly code: Tpm2FormatCode;
  readonly offset: number;
  /** The structure that was being read. */
  readonly what: string;

  constructor(code: Tpm2FormatCode, offset: number, what: string) {
    super(`${what}: ${code} at offset ${offset}`);
    this.name = 'Tpm2FormatError';
    this.code = code;
    this.offset = offset;
    this.what = what;
  }
}
