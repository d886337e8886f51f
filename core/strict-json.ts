import type { Bytes } from './bytes.ts';

/** Bytes that are not one JSON text as this service reads it. */
export class JsonFormatError extends Error {
  readonly code: 'not-utf8' | 'not-json' | 'too-deep' | 'duplicate-member' | 'member-refused';

  constructor(code: JsonFormatError['code']) {
    super(code);
    this.name = 'JsonFormatError';
    this.code = code;
  }
}

/** Arrays and objects inside one another, at most. */
const DEPTH_MAX = 32;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The value of one JSON text (RFC 8259) in UTF-8. Refused besides bad syntax: ill-formed UTF-8, a byte-order mark, nesting deeper
 * than 32, an object that names a member twice (parsers disagree on which one counts), and a member named `__proto__`.
 * Throws JsonFormatError.
 */
export function parseStrictJson(bytes: Bytes): unknown {
  const text = decode(bytes);
  // Before the parser proper: depth is what makes parsing expensive.
  checkShape(text);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    throw new JsonFormatError('not-json');
  }
}

function decode(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new JsonFormatError('not-utf8');
  }
}

/**
 * Walks the text's strings and brackets. In a well-formed text a string is a member's name exactly when a colon follows it, so
 * names are found without a full parse; what this walk makes of an ill-formed text does not matter, the parser refuses it.
 */
function checkShape(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = endOfString(text, at);
        if (isName(text, end)) addName(open.at(-1), text.slice(at, end));
        at = end - 1;
        break;
      }
      case 0x7b:
      case 0x5b:
        if (open.length === DEPTH_MAX) throw new JsonFormatError('too-deep');
        open.push(text.charCodeAt(at) === 0x7b ? new Set() : undefined);
        break;
      case 0x7d:
      case 0x5d:
        open.pop();
        break;
      default:
        break;
    }
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && precedingBackslashes(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  if (end === -1) throw new JsonFormatError('not-json');
  return end + 1;
}

function precedingBackslashes(text: string, index: number): number {
  let first = index;
  while (text.charCodeAt(first - 1) === 0x5c) first--;
  return index - first;
}

function isName(text: string, from: number): boolean {
  let at = from;
  while (isWhiteSpace(text.charCodeAt(at))) at++;
  return text.charCodeAt(at) === 0x3a;
}

const isWhiteSpace = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

function addName(names: Set<string> | undefined, literal: string): void {
  if (names === undefined) throw new JsonFormatError('not-json');
  const name = nameOf(literal);
  if (name === '__proto__') throw new JsonFormatError('member-refused');
  if (names.has(name)) throw new JsonFormatError('duplicate-member');
  names.add(name);
}

/** The name itself: `"a"` and `"\\u0061"` are the same one. */
function nameOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    throw new JsonFormatError('not-json');
  }
}
