/** What a spreadsheet takes for the beginning of a formula, also behind white space. */
const FORMULA = /^[\s]*[=+\-@|%]/;

/**
 * One line of CSV (RFC 4180), every field quoted. A field that a spreadsheet would calculate begins with an apostrophe, so that it is shown
 * as it is: names and addresses come from machines.
 */
export const csvLine = (fields: readonly string[]): string =>
  `${fields.map((field) => `"${(FORMULA.test(field) ? `'${field}` : field).replaceAll('"', '""')}"`).join(',')}\r\n`;
