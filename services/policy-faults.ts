import { readFileSync } from 'node:fs';

import { yamlPlaces } from './commands/yaml-places.ts';
import type { ConfigError } from '#services/config/strict-document.ts';

/** One fault of a policy as an editor's jump list reads it: `file:line: what`. */
export interface PlacedFault {
  readonly file: string;
  readonly line: number | undefined;
  readonly what: string;
}

/**
 * Every fault of the policy at `policyFile` (an absolute path) that `readPolicy` rejected with `error`, with its place: in the policy file,
 * or in a file that it names. The files are read once more for the lines; one that changed meanwhile may have other ones.
 */
export const placeFaults = (policyFile: string, error: ConfigError): readonly PlacedFault[] =>
  error.problems.flatMap((problem) => placeProblem(policyFile, problem));

/** The fault in one line. */
export const renderFault = ({ file, line, what }: PlacedFault): string =>
  `${file}${line === undefined ? '' : `:${line}`}: ${what}`;

/** The place of one problem: in the policy file, or, where the problem begins with another file's path, in that one. */
function placeProblem(policyFile: string, problem: string): readonly PlacedFault[] {
  const [, named, rest] = /^(\/[^:]+): (.+)$/s.exec(problem) ?? [];
  const text = named === undefined ? undefined : readIfThere(named);
  if (named !== undefined && rest !== undefined && (text !== undefined || rest.startsWith('ENOENT'))) {
    return rest.split('; ').map((what) => ({ file: named, line: lineIn(text, what), what }));
  }
  return [{ file: policyFile, line: lineIn(readIfThere(policyFile), problem), what: problem }];
}

/** The line that a problem of the form `path: detail` is about. */
function lineIn(text: string | undefined, problem: string): number | undefined {
  const path = /^(?<path>[^:\s]+): /.exec(problem)?.groups?.['path'];
  return text === undefined || path === undefined ? undefined : yamlPlaces(text).lineOf(path);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
