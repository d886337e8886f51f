import { runTool, type ToolAnswer } from './foreign-tool.ts';

/** What `openssl` answers to `args`; an argument `{ pem }` is written to a file, and its path put in its place. */
export const openssl = (...args: readonly (string | { readonly pem: string })[]): ToolAnswer =>
  runTool('openssl', ...args.map((arg) => (typeof arg === 'string' ? arg : { file: arg.pem })));
