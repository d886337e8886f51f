import { toHex } from '#core/bytes.ts';

import { attributeText, comparableText } from './directory-string.ts';
import type { Name, NameAttribute, RelativeName } from './name.ts';

/**
 * A string that two names share exactly when they are the same name (RFC 5280 §7.1): relative names in order, the attributes in each in any
 * order, text compared without regard to string type, case, or how spaces are written. A value that is not text is compared byte by byte.
 */
export const nameKey = (name: Name): string => relativeNameKeys(name).join('\n');

/** `nameKey` in pieces, one for each relative name. */
export const relativeNameKeys = (name: Name): readonly string[] => name.rdns.map(relativeNameKey);

/** True when `a` and `b` are the same name. */
export const sameName = (a: Name, b: Name): boolean =>
  Buffer.compare(a.raw, b.raw) === 0 || (a.rdns.length === b.rdns.length && nameKey(a) === nameKey(b));

/** The values of `name`'s attributes of type `type` as text, in order. A value that is not text is undefined in the list. */
export const attributeValues = (name: Name, type: string): readonly (string | undefined)[] =>
  name.rdns.flatMap((rdn) => rdn.filter((attribute) => attribute.type === type).map(attributeText));

function relativeNameKey(rdn: RelativeName): string {
  const [only] = rdn;
  if (rdn.length === 1 && only !== undefined) return attributeKey(only);
  return rdn.map(attributeKey).toSorted().join('+');
}

/** The length keeps a value that contains `+` or `=` from looking like two. */
function attributeKey(attribute: NameAttribute): string {
  const text = attributeText(attribute);
  const comparable = text === undefined ? undefined : comparableText(text);
  if (comparable === undefined) return `${attribute.type}#${attribute.tag}:${toHex(attribute.value)}`;
  return `${attribute.type}=${comparable.length}:${comparable}`;
}
