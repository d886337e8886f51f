import type { Bytes } from '#core/bytes.ts';

import type { SeededNumbers } from './seeded-numbers.ts';

/** Pieces that readers of JSON, YAML, PEM and line formats trip over. */
const PIECES = [
  '',
  ' ',
  '\n',
  '\r\n',
  '\t',
  '\0',
  '\u{feff}',
  '\u{2028}',
  '\u{202e}',
  '\ud800',
  '"',
  "'",
  '\\',
  '\\u0000',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '- ',
  '&a ',
  '*a',
  '<<: *a',
  '!!binary ',
  '!!js/function x',
  '? ',
  '| ',
  '# ',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '__proto__',
  'constructor',
  'null',
  'true',
  '-0',
  '1e999',
  '-1',
  '0x10',
  '9007199254740993',
  'NaN',
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '='.repeat(8),
  '['.repeat(40),
  '{"a":'.repeat(40),
  '((((((((((a+)+)+)+)+)+)+)+)+)+)',
  'a'.repeat(300),
  '0'.repeat(300),
];

/** `input` with a word or a line of it replaced, deleted, doubled or moved, or with an odd piece put in. */
export function changeText(input: Bytes, other: Bytes, random: SeededNumbers): Bytes {
  const text = Buffer.from(input).toString('latin1');
  const separator = random.below(2) === 0 ? /(\n)/ : /([^A-Za-z0-9_./+-]+)/;
  const parts = text.split(separator);
  const at = random.below(parts.length);
  const part = parts[at] ?? '';
  switch (random.below(6)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      parts.splice(at, 0, part, parts[at + 1] ?? '');
      break;
    case 2:
      parts[at] = random.pick(PIECES);
      break;
    case 3:
      parts.splice(at, 0, random.pick(PIECES));
      break;
    case 4:
      parts[at] = random.pick(Buffer.from(other).toString('latin1').split(separator));
      break;
    default:
      parts.splice(random.below(parts.length), 0, ...parts.splice(at, 1 + random.below(6)));
  }
  // The pieces that Latin-1 has no place for go in as UTF-8; everything else is as it was, byte for byte.
  return Buffer.concat(parts.map((piece) => Buffer.from(piece, /^[\0-\xff]*$/.test(piece) ? 'latin1' : 'utf8')));
}
