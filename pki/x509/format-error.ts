/** What is wrong with bytes that claim to be DER, or to be a certificate, a CSR, a CRL or their PEM. */
export type X509FormatCode =
  /** The input, or an element in it, ends too early. */
  | 'truncated'
  /** Bytes are left over after the last element a structure may have. */
  | 'trailing-bytes'
  /** Another element stands where this one was due. */
  | 'unexpected-tag'
  /** A tag number above 30, which no structure read here uses. */
  | 'unsupported-tag'
  /** BER's indefinite length. */
  | 'indefinite-length'
  /** A length, number, time, string or set in another spelling than DER's only one. */
  | 'not-canonical'
  | 'too-large'
  | 'too-deep'
  /** Well-formed DER whose value the structure does not allow. */
  | 'bad-value'
  | 'duplicate'
  | 'bad-pem';

/** Bytes that are not the structure they should be. `offset` counts from the start of the outermost input. */
export class X509FormatError extends Error {
  readonly code: X509FormatCode;
  readonly offset: number;

  constructor(code: X509FormatCode, offset: number, what: string) {
    super(`${what}: ${code} at offset ${offset}`);
    this.name = 'X509FormatError';
    this.code = code;
    this.offset = offset;
  }
}
