/** One record of a CSV file and the line it begins on. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** CSV that cannot be read. `line` is 1-based. */
export class CsvFormatError extends Error {
  readonly line: number;

  constructor(line: number, what: string) {
    super(what);
    this.name = 'CsvFormatError';
    this.line = line;
  }
}

const FIELD = /"(?:[^"]|"")*"|[^",\r\n]*/y;

/**
 * The records of CSV text (RFC 4180): fields parted by commas, quoted where they contain a comma, a quote or a line break, a quote
 * doubled inside. Lines end with CRLF or LF; empty lines are passed over; one byte-order mark at the start is. Throws CsvFormatError on a
 * quote in an unquoted field, text after a closing quote, and a quote that is never closed.
 */
export function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const fields: string[] = [];
    const begins = line;
    for (;;) {
      FIELD.lastIndex = at;
      const raw = FIELD.exec(text)?.[0] ?? '';
      at += raw.length;
      line += raw.split('\n').length - 1;
      fields.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
      if (text[at] !== ',') break;
      at += 1;
    }
    at += endOfLine(text, at, line);
    if (fields.length > 1 || fields[0] !== '') records.push({ line: begins, fields });
    line += 1;
  }
  return records;
}

/** How many characters end the line at `at`. */
function endOfLine(text: string, at: number, line: number): number {
  if (at === text.length) return 0;
  if (text[at] === '\n') return 1;
  if (text.startsWith('\r\n', at)) return 2;
  throw new CsvFormatError(
    line,
    text[at] === '"'
      ? 'a quote in a field that does not begin with one, or one never closed'
      : 'text after a closing quote',
  );
}
