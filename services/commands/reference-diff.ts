import { resolve } from 'node:path';

import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import { type ReferenceValuesDocument, referenceValuesSchema } from '#protocol/policy.ts';

import { ConfigError, readDocument } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

/** One member that differs between two sets; undefined where one of them does not have it. */
export interface Difference {
  readonly member: string;
  readonly a: string | undefined;
  readonly b: string | undefined;
}

/** What differs in what admits: bank, PCR values, pools and validity; not who captured it, when, under which name, or who signed it. */
export function differencesOf(a: ReferenceValuesDocument, b: ReferenceValuesDocument): readonly Difference[] {
  const rows = (document: ReferenceValuesDocument): ReadonlyMap<string, string | undefined> =>
    new Map([
      ['bank', document.bank],
      ['pools', document.pools?.toSorted().join(',')],
      ['notBefore', document.notBefore],
      ['expires', document.expires],
      ...Object.entries(document.pcrs).map(([index, value]): [string, string] => [`PCR ${index}`, value]),
    ]);
  const [left, right] = [rows(a), rows(b)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((member) => ({ member, a: left.get(member), b: right.get(member) }))
    .filter((row) => row.a !== row.b);
}

/** Says what differs between the reference values in two files. Exit code 0: nothing; 1: something. Throws CommandFailure. */
export async function diffReferenceValues(a: string, b: string, terminal: CommandTerminal): Promise<ExitCode> {
  const read = async (file: string): Promise<ReferenceValuesDocument> => {
    try {
      return await readDocument(resolve(terminal.workingDirectory, file), referenceValuesSchema);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new CommandFailure(EXIT.dataRefused, error.message);
    }
  };
  const [left, right] = [await read(a), await read(b)];
  const differences = differencesOf(left, right);
  const title = ({ name, version }: ReferenceValuesDocument): string =>
    version === undefined ? name : `${name}@${version}`;
  terminal.out(`- ${a}: ${title(left)}\n+ ${b}: ${title(right)}\n`);
  for (const { member, a: before, b: after } of differences) {
    terminal.out(`${member}\n${line('-', before)}${line('+', after)}`);
  }
  if (differences.length === 0) terminal.out('They admit the same machines, at the same times, in the same pools.\n');
  return differences.length === 0 ? EXIT.ok : EXIT.negative;
}

const line = (sign: string, value: string | undefined): string => (value === undefined ? '' : `  ${sign} ${value}\n`);
