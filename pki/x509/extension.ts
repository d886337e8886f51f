import type { Bytes } from '#core/bytes.ts';

import { DerReader } from './der-reader.ts';

/** One extension as it stands. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** Content of the OCTET STRING, not looked into. */
  readonly value: Bytes;
}

/** Reads the value of an extension it knows, all of it; returns undefined, having read nothing, for one it does not know. */
export type ExtensionParser = (oid: string, value: DerReader) => true | undefined;

const EXTENSIONS_MAX = 64;

/** All of `reader` as extensions: at least one, each type once (RFC 5280 §4.2). Throws on a value that `parse` knows and did not read to its end. */
export function readExtensions(reader: DerReader, parse: ExtensionParser): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  do {
    const start = reader.offset;
    if (extensions.size === EXTENSIONS_MAX) throw reader.fail('too-large');
    const inner = reader.sequence('Extension');
    const oid = inner.oid();
    if (extensions.has(oid)) throw reader.fail('duplicate', start);
    const critical = inner.booleanDefaultFalse();
    const { value, body } = inner.octetStringAndInside();
    inner.end();
    if (parse(oid, body) === true) body.end();
    extensions.set(oid, { oid, critical, value });
  } while (reader.remaining > 0);
  return extensions;
}
