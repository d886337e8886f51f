import type { Bytes } from '#core/bytes.ts';

import { Tpm2FormatError } from '../format-error.ts';

/** The SBAT level that shim enforces: components below these generations do not run. */
export interface SbatLevel {
  /** Date and counter of the revocation list, ten digits: later is greater. */
  readonly date: string;
  /** Least generation by component. */
  readonly generations: ReadonlyMap<string, number>;
}

const HEAD = /^sbat,1,([0-9]{10})$/;
const COMPONENT = /^([a-zA-Z0-9._-]{1,64}),([1-9][0-9]{0,8})$/;
const MAX_SIZE = 4_096;

/**
 * The contents of the variable SbatLevel: a line `sbat,1,` and the date, then a line for each component, which comes once. Throws
 * Tpm2FormatError.
 */
export function parseSbatLevel(bytes: Bytes): SbatLevel {
  const fail = (): Tpm2FormatError => new Tpm2FormatError('bad-value', 0, 'SbatLevel');
  if (bytes.byteLength > MAX_SIZE) throw fail();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw fail();
  const [head = '', ...rest] = lines;
  const date = HEAD.exec(head)?.[1];
  if (date === undefined) throw fail();
  const generations = new Map<string, number>();
  for (const line of rest) {
    const [, component, generation] = COMPONENT.exec(line) ?? [];
    if (component === undefined || generation === undefined || generations.has(component)) throw fail();
    generations.set(component, Number(generation));
  }
  return { date, generations };
}
