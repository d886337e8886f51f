import { isUtf8 } from 'node:buffer';

import type { Bytes } from '#core/bytes.ts';

import { TAG } from './der-tags.ts';

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const NUMERIC = /^[0-9 ]*$/;
const VISIBLE = /^[ -~]*$/;
/** What RFC 4518 §2.2 maps to a space, the controls that break lines among it. */
const SPACES = /[\p{Z}\t\n\v\f\r\u0085]+/gu;
/** What it maps to nothing, once the spaces are mapped: other controls, format characters, variation selectors and a few more. */
const NOTHING = /\p{Cc}|\p{Cf}|\p{Variation_Selector}|\u034f|\u1806|\ufffc/gu;
/** Unassigned, private use, surrogates and the replacement character (RFC 4518 §2.4). */
const PROHIBITED = /[\p{Cn}\p{Co}\p{Cs}\ufffd]/u;

/**
 * The text of a name attribute's value, given its identifier octet and content. Undefined when the type is not a character string read here
 * (T61String among those: its character set is not settled), or when the content is not text of that type.
 */
export function attributeText(attribute: { readonly tag: number; readonly value: Bytes }): string | undefined {
  const bytes = Buffer.from(attribute.value.buffer, attribute.value.byteOffset, attribute.value.byteLength);
  switch (attribute.tag) {
    case TAG.utf8String:
      return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
    case TAG.printableString:
      return textOf(bytes, PRINTABLE);
    case TAG.numericString:
      return textOf(bytes, NUMERIC);
    case TAG.visibleString:
      return textOf(bytes, VISIBLE);
    case TAG.ia5String:
      return bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : undefined;
    case TAG.bmpString:
      return bytes.byteLength % 2 === 0 ? wellFormed(Buffer.from(bytes).swap16().toString('utf16le')) : undefined;
    case TAG.universalString:
      return universalText(bytes);
    default:
      return undefined;
  }
}

/**
 * `text` prepared for comparison (RFC 5280 §7.1, RFC 4518): characters mapped, compatibility forms composed, case folded, spaces trimmed and
 * run together. Undefined when it has a prohibited character.
 */
export function comparableText(text: string): string | undefined {
  // Of printable ASCII nothing is mapped, composed or prohibited, and the space is the only space.
  if (VISIBLE.test(text)) return text.replaceAll(/ {2,}/g, ' ').trim().toLowerCase();
  const mapped = text.replaceAll(SPACES, ' ').replaceAll(NOTHING, '');
  const folded = mapped.normalize('NFKC').toLowerCase().normalize('NFKC');
  if (PROHIBITED.test(folded)) return undefined;
  return folded.replaceAll(SPACES, ' ').trim();
}

function textOf(bytes: Buffer, pattern: RegExp): string | undefined {
  const text = bytes.toString('latin1');
  return pattern.test(text) ? text : undefined;
}

const wellFormed = (text: string): string | undefined => (text.isWellFormed() ? text : undefined);

/** Four bytes for each code point, surrogates excluded. */
function universalText(bytes: Buffer): string | undefined {
  if (bytes.byteLength % 4 !== 0) return undefined;
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += 4) {
    const codePoint = bytes.readUInt32BE(at);
    if (codePoint > 0x10ffff) return undefined;
    text += String.fromCodePoint(codePoint);
  }
  return wellFormed(text);
}
