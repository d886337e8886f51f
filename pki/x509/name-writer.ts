import { element, ia5String, oid, printableString, sequence, setOf, utf8String } from './der-writer.ts';
import { TAG } from './der-tags.ts';
import { ATTRIBUTE } from './oids.ts';

/** One relative name of a single attribute: type, text. */
export type NamePart = readonly [type: string, text: string];

/** Attribute types whose syntax is not DirectoryString (RFC 5280 Appendix A.1). */
const IA5_TYPES: ReadonlySet<string> = new Set<string>([ATTRIBUTE.emailAddress, ATTRIBUTE.domainComponent]);
const PRINTABLE_TYPES: ReadonlySet<string> = new Set<string>([ATTRIBUTE.country, ATTRIBUTE.serialNumber]);

/** A Name of one attribute per relative name, in order: UTF8String, or what RFC 5280 asks of the type. */
export const buildName = (...parts: readonly NamePart[]): Buffer =>
  sequence(...parts.map(([type, text]) => setOf(sequence(oid(type), attributeValue(type, text)))));

function attributeValue(type: string, text: string): Buffer {
  if (text === '') throw new RangeError('empty attribute value');
  if (IA5_TYPES.has(type)) return ia5String(text);
  return PRINTABLE_TYPES.has(type) ? printableString(text) : utf8String(text);
}

/** The Name without any attribute. */
export const EMPTY_NAME: Buffer = element(TAG.sequence);
