import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';

/** Hex digits of a digest in an entity tag: 128 bits. */
const TAG_LENGTH = 32;

/** The entity tag of a representation (RFC 9110 §8.8.3): equal exactly for equal text. */
export const entityTag = (text: string): string => `"${sha256Hex(utf8(text)).slice(0, TAG_LENGTH)}"`;

/** Whether `If-None-Match` says that the caller has what `tag` stands for (RFC 9110 §13.1.2). False for a header that is absent or not in form. */
export function hasCurrent(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(',')
    .map((one) => one.trim().replace(/^W\//, ''))
    .some((one) => one === tag || one === '*');
}
