import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { unreachable } from '#core/never.ts';

import type { Terminal } from '../terminal.ts';
import { renderJson } from './json.ts';
import { makeStyle, type Style } from './style.ts';
import { renderYaml } from './yaml.ts';

/** `table` is for people and may change; the others are for programs. `json` and `yaml` follow the API's schemas, `csv` is for exports. */
export const OUTPUT_FORMATS = ['table', 'json', 'yaml', 'csv'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Writes the answer in the format that was asked for. */
export function writeAnswer<T>(
  terminal: Terminal,
  format: OutputFormat,
  value: T,
  forPeople: (value: T, style: Style) => string,
): void {
  switch (format) {
    case 'table':
      return terminal.out(forPeople(value, makeStyle(terminal.colour && terminal.outIsTerminal)));
    case 'json':
      return terminal.out(renderJson(value));
    case 'yaml':
      return terminal.out(renderYaml(value));
    case 'csv':
      throw new CommandFailure(EXIT.usage, 'this command has no CSV', 'See `muster nodes export --help`.');
    default:
      return unreachable(format);
  }
}
