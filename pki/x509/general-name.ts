import type { Bytes } from '#core/bytes.ts';

import { readElement } from './der-gate.ts';
import type { DerReader } from './der-reader.ts';
import { contextConstructed, contextPrimitive } from './der-tags.ts';
import { type Name, readName } from './name.ts';

/** A GeneralName (RFC 5280 §4.2.1.6). Text is ASCII as it stands in the certificate; nothing is known about its syntax. */
export type GeneralName =
  | { readonly kind: 'otherName'; readonly type: string; readonly value: Bytes }
  | { readonly kind: 'rfc822Name'; readonly text: string }
  | { readonly kind: 'dNSName'; readonly text: string }
  | { readonly kind: 'x400Address'; readonly raw: Bytes }
  | { readonly kind: 'directoryName'; readonly name: Name }
  | { readonly kind: 'ediPartyName'; readonly raw: Bytes }
  | { readonly kind: 'uniformResourceIdentifier'; readonly text: string }
  | { readonly kind: 'iPAddress'; readonly address: Bytes }
  | { readonly kind: 'registeredID'; readonly oid: string };

/** Stands for the end of the input where an identifier octet is asked for. */
const NOTHING = -1;

export type GeneralNameKind = GeneralName['kind'];

/** The next element of `reader` as a GeneralName. An iPAddress may have any length here: names and constraints differ in it. */
export function readGeneralName(reader: DerReader): GeneralName {
  switch (reader.peek() ?? NOTHING) {
    case contextConstructed(0):
      return readOtherName(reader);
    case contextPrimitive(1):
      return { kind: 'rfc822Name', text: readIa5(reader, 1) };
    case contextPrimitive(2):
      return { kind: 'dNSName', text: readIa5(reader, 2) };
    case contextConstructed(3):
      return { kind: 'x400Address', raw: readElement(reader) };
    case contextConstructed(4):
      return { kind: 'directoryName', name: readDirectoryName(reader) };
    case contextConstructed(5):
      return { kind: 'ediPartyName', raw: readElement(reader) };
    case contextPrimitive(6):
      return { kind: 'uniformResourceIdentifier', text: readIa5(reader, 6) };
    case contextPrimitive(7):
      return { kind: 'iPAddress', address: reader.content(contextPrimitive(7)) };
    case contextPrimitive(8):
      return { kind: 'registeredID', oid: reader.oid(contextPrimitive(8)) };
    default:
      throw reader.fail('unexpected-tag');
  }
}

/** All of `reader` as GeneralNames; at least one. */
export function readGeneralNames(reader: DerReader): readonly GeneralName[] {
  const names = [readGeneralName(reader)];
  while (reader.remaining > 0) names.push(readGeneralName(reader));
  return names;
}

function readOtherName(reader: DerReader): GeneralName {
  const inner = reader.inside(contextConstructed(0), 'OtherName');
  const type = inner.oid();
  const explicit = inner.inside(contextConstructed(0));
  const value = readElement(explicit);
  explicit.end();
  inner.end();
  return { kind: 'otherName', type, value };
}

/** A Name is a CHOICE, so its tag here is EXPLICIT. */
function readDirectoryName(reader: DerReader): Name {
  const explicit = reader.inside(contextConstructed(4), 'directoryName');
  const name = readName(explicit);
  explicit.end();
  return name;
}

function readIa5(reader: DerReader, number: number): string {
  const start = reader.offset;
  const content = reader.content(contextPrimitive(number));
  if (content.some((byte) => byte >= 0x80)) throw reader.fail('bad-value', start);
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}
