import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';

import type { EvidencePolicy, Policy } from '#attestation/evidence-policy.ts';
import { EXIT, type ExitCode } from '#core/exit-code.ts';

import { ConfigError } from '../strict-document.ts';
import { readPolicy } from '../policy-source.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { yamlPlaces } from './yaml-places.ts';

/** One fault as an editor's jump list reads it: `file:line: what`. */
interface PlacedFault {
  readonly file: string;
  readonly line: number | undefined;
  readonly what: string;
}

/**
 * Judges the policy at `file` by the service's own reader, and says so: what is in it, or every fault with its place. Resolves to exit
 * code 0 for a policy that the service would take, 1 for any other.
 */
export async function checkPolicy(file: string, terminal: CommandTerminal): Promise<ExitCode> {
  const path = resolve(terminal.workingDirectory, file);
  try {
    terminal.out(describePolicy(file, await readPolicy(path)));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.problems.flatMap((problem) => placeProblem(path, problem));
    const shown = (name: string): string => (name === path ? file : relative(terminal.workingDirectory, name));
    for (const { file: where, line, what } of faults) {
      terminal.out(`${shown(where)}${line === undefined ? '' : `:${line}`}: ${what}\n`);
    }
    terminal.out(
      `${file} is not valid: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}. The service would keep the policy it has.\n`,
    );
    return EXIT.negative;
  }
}

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

function describePolicy(file: string, policy: Policy): string {
  const pools = [...policy.pools.values()].toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  const lines = pools.flatMap((pool) => {
    const { tpm2 } = pool;
    const what = `${pool.protectionRating}, ${tpm2.bank} PCRs ${tpm2.pcrs.join(',')}, ${tpm2.referenceValues.length} sets of reference values`;
    return [`  ${pool.pool}: ${what}`, ...admitsNobody(pool).map((why) => `    admits nobody yet: ${why}`)];
  });
  const count = pools.length === 1 ? '1 pool' : `${pools.length} pools`;
  return `${file} is valid: ${count}, version ${policy.version}\n${lines.join('\n')}\n`;
}

/** What a valid pool still lacks before anyone can join it. */
function admitsNobody({ segments, tpm2 }: EvidencePolicy): readonly string[] {
  return [
    ...(segments.length === 0 ? ['segments is empty'] : []),
    ...(tpm2.referenceValues.length === 0 ? ['referenceValues is empty'] : []),
    ...(tpm2.ekAnchors?.fingerprints.length === 0 ? ['ekAnchors is empty'] : []),
  ];
}
