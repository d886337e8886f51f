import type { Bytes } from '#core/bytes.ts';

import { isOutOfOrder, readElement } from './der-gate.ts';
import { type Dialect, DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';

/** One AttributeTypeAndValue of a distinguished name. */
export interface NameAttribute {
  readonly type: string;
  /** Identifier octet of the value: which kind of string it is. */
  readonly tag: number;
  /** The value's content bytes. */
  readonly value: Bytes;
}

export type RelativeName = readonly NameAttribute[];

/** A distinguished name (RFC 5280 §4.1.2.4). Compare with `sameName`, not by `raw`. */
export interface Name {
  readonly raw: Bytes;
  readonly rdns: readonly RelativeName[];
}

/** The next element of `reader` as a Name; no relative name in it is empty. */
export function readName(reader: DerReader): Name {
  const { raw, inner } = reader.wholeSequence('Name');
  const rdns: RelativeName[] = [];
  while (inner.remaining > 0) rdns.push(readRelativeName(inner));
  return { raw, rdns };
}

/** `der` as exactly one Name. Throws X509FormatError. */
export function parseName(der: Bytes, dialect?: Dialect): Name {
  const reader = new DerReader(der, 'Name', dialect);
  const name = readName(reader);
  reader.end();
  return name;
}

/** The next element of `reader`, a SET unless `tag` says otherwise, as a RelativeDistinguishedName of at least one attribute. */
export function readRelativeName(reader: DerReader, tag: number = TAG.set): RelativeName {
  const set = reader.inside(tag);
  const attributes: NameAttribute[] = [];
  let last: Bytes | undefined;
  do {
    const start = set.offset;
    const { raw, inner } = set.wholeSequence('AttributeTypeAndValue');
    if (isOutOfOrder(set, last, raw)) throw set.fail('not-canonical', start);
    last = raw;
    const type = inner.oid();
    const value = new DerReader(readElement(inner), 'AttributeValue').element();
    inner.end();
    attributes.push({ type, tag: value.tag, value: value.content });
  } while (set.remaining > 0);
  return attributes;
}
