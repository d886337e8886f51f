import type { Bytes } from '#core/bytes.ts';

import { isOutOfOrder, readElement } from './der-gate.ts';
import { type Dialect, DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';

/** One Attribute (X.501): a type and at least one value, each a whole DER element. */
export interface Attribute {
  readonly type: string;
  readonly values: readonly Bytes[];
}

/**
 * The value of a subject directory attributes extension (RFC 5280 §4.2.1.8): at least one attribute. What the values mean is for the reader
 * of that attribute. Throws X509FormatError.
 */
export function parseDirectoryAttributes(value: Bytes, dialect?: Dialect): readonly Attribute[] {
  const outer = new DerReader(value, 'SubjectDirectoryAttributes', dialect);
  const list = outer.sequence();
  outer.end();
  const attributes: Attribute[] = [];
  do {
    const inner = list.sequence('Attribute');
    attributes.push({ type: inner.oid(), values: readValues(inner.inside(TAG.set)) });
    inner.end();
  } while (list.remaining > 0);
  return attributes;
}

function readValues(set: DerReader): readonly Bytes[] {
  const values: Bytes[] = [];
  do {
    const start = set.offset;
    const value = readElement(set);
    if (isOutOfOrder(set, values.at(-1), value)) throw set.fail('not-canonical', start);
    values.push(value);
  } while (set.remaining > 0);
  return values;
}
