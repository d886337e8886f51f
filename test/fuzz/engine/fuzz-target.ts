import type { Bytes } from '#core/bytes.ts';

/** How inputs are built up, so that a change to one keeps the rest of it readable. */
export type InputShape =
  /** Fields and lengths of fixed sizes. */
  | 'binary'
  /** Nested tag, length, value. */
  | 'der'
  /** Lines and words. */
  | 'text';

/** One parser that reads what a stranger may have written. */
export interface FuzzTarget {
  readonly name: string;
  readonly shape: InputShape;
  /** Good inputs, or nearly: what the hostile ones are made from. */
  readonly seeds: readonly Bytes[];
  /** The most bytes that reach the parser in the product. */
  readonly maxBytes: number;
  /** Reads `input`. True where it was taken. Throws what the parser throws, or a FalseAcceptError. */
  readonly read: (input: Bytes) => boolean;
  /** True for the format errors that the parser says it throws. */
  readonly isOwnError: (error: unknown) => boolean;
}

/** A parser took what it must not take. */
export class FalseAcceptError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'FalseAcceptError';
  }
}

type ErrorType = abstract new (...args: never[]) => Error;

/** Whether an error is one of `types`. */
export const ownErrors =
  (...types: readonly ErrorType[]): FuzzTarget['isOwnError'] =>
  (error) =>
    types.some((type) => error instanceof type);

/** Reads, and takes whatever is read without an error. */
export const taken =
  (read: (input: Bytes) => unknown): FuzzTarget['read'] =>
  (input) => {
    read(input);
    return true;
  };
