import { unreachable } from '#core/never.ts';

import type { Terminal } from '../terminal.ts';
import { renderJson } from './json.ts';
import { makeStyle, type Style } from './style.ts';
import { renderYaml } from './yaml.ts';

/** `table` is for people and may change; the other two are for programs and follow the API's schemas. */
export const OUTPUT_FORMATS = ['table', 'json', 'yaml'] as const;
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
    default:
      return unreachable(format);
  }
}
