/** Bytes that are not a statement of the service. `offset` is a line number in the payload, or 0 where the frame itself is wrong. */
export class StatementFormatError extends Error {
  readonly code: 'not-framed' | 'incomplete' | 'too-large' | 'bad-line' | 'not-in-order' | 'wrong-count';
  readonly offset: number;

  constructor(code: StatementFormatError['code'], offset: number) {
    super(`${code} at ${offset}`);
    this.name = 'StatementFormatError';
    this.code = code;
    this.offset = offset;
  }
}
