import { relative, resolve } from 'node:path';

import type { EvidencePolicy, Policy } from '#attestation/evidence-policy.ts';
import { standingOf } from '#attestation/reference-values.ts';
import { EXIT, type ExitCode } from '#core/exit-code.ts';

import { ConfigError } from '#services/config/strict-document.ts';
import { placeFaults, renderFault } from '../policy-faults.ts';
import { readPolicy } from '../policy-source.ts';
import type { CommandTerminal } from './command-terminal.ts';

/**
 * Judges the policy at `file` by the service's own reader, and says so: what is in it, or every fault with its place. Resolves to exit
 * code 0 for a policy that the service would take, 1 for any other.
 */
export async function checkPolicy(file: string, terminal: CommandTerminal): Promise<ExitCode> {
  const path = resolve(terminal.workingDirectory, file);
  try {
    terminal.out(describePolicy(file, await readPolicy(path), terminal.now()));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = placeFaults(path, error);
    const shown = (name: string): string => (name === path ? file : relative(terminal.workingDirectory, name));
    for (const fault of faults) terminal.out(`${renderFault({ ...fault, file: shown(fault.file) })}\n`);
    terminal.out(
      `${file} is not valid: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}. The service would keep the policy it has.\n`,
    );
    return EXIT.negative;
  }
}

function describePolicy(file: string, policy: Policy, now: Date): string {
  const pools = [...policy.pools.values()].toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
  const lines = pools.flatMap((pool) => {
    const { tpm2 } = pool;
    const what = `${pool.protectionRating}, ${tpm2.bank} PCRs ${tpm2.pcrs.join(',')}, ${tpm2.referenceValues.length} sets of reference values`;
    return [
      `  ${pool.pool}: ${what}`,
      ...admitsNobody(pool).map((why) => `    admits nobody yet: ${why}`),
      ...outOfTime(pool, now),
    ];
  });
  const count = pools.length === 1 ? '1 pool' : `${pools.length} pools`;
  return `${file} is valid: ${count}, version ${policy.version}\n${lines.join('\n')}\n`;
}

/** Reference values that admit nobody at `now`, each in a line. */
const outOfTime = ({ tpm2 }: EvidencePolicy, now: Date): readonly string[] =>
  tpm2.referenceValues.flatMap((set) => {
    const standing = standingOf(set, now);
    return standing === 'valid' ? [] : [`    reference values ${set.name}: ${standing}`];
  });

/** What a valid pool still lacks before anyone can join it. */
function admitsNobody({ segments, tpm2 }: EvidencePolicy): readonly string[] {
  return [
    ...(segments.length === 0 ? ['segments is empty'] : []),
    ...(tpm2.referencePcrs.length > 0 && tpm2.referenceValues.length === 0 ? ['referenceValues is empty'] : []),
    ...(tpm2.ekAnchors?.fingerprints.length === 0 ? ['ekAnchors is empty'] : []),
  ];
}
