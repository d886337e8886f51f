import { safeText } from './safe-text.ts';
import type { Style } from './style.ts';

/** One column: its heading, what a row has there, and how to colour it. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string | undefined;
  readonly style?: (row: Row, style: Style) => (text: string) => string;
}

const GAP = '  ';

/** The rows as a table for people, each line without trailing space, ended by a line break. An empty cell is a dash. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => safeText(column.cell(row) ?? '') || '-'));
  const widths = columns.map((column, at) =>
    Math.max(column.heading.length, ...cells.map((line) => (line[at] ?? '').length)),
  );
  const heading = columns.map((column, at) =>
    style.strong(padTo(column.heading, widths[at] ?? 0, at === columns.length - 1)),
  );
  const lines = rows.map((row, line) =>
    columns.map((column, at) => {
      const text = padTo(cells[line]?.[at] ?? '', widths[at] ?? 0, at === columns.length - 1);
      return column.style === undefined ? text : column.style(row, style)(text);
    }),
  );
  return [heading, ...lines].map((line) => `${line.join(GAP)}\n`).join('');
}

/** A name, its value, and how to colour the value. */
export type Field = readonly [name: string, value: string | undefined, paint?: (text: string) => string];

/** Names and values, one pair a line, the values in one column. Pairs without a value are left out. */
export function renderFields(fields: readonly Field[], style: Style): string {
  const present = fields.flatMap(([name, value, paint]) => (value === undefined ? [] : [{ name, value, paint }]));
  const width = Math.max(0, ...present.map(({ name }) => name.length));
  return present
    .map(
      ({ name, value, paint = (text) => text }) =>
        `${style.strong(name.padEnd(width))}${GAP}${paint(safeText(value))}\n`,
    )
    .join('');
}

const padTo = (text: string, width: number, last: boolean): string => (last ? text : text.padEnd(width));
