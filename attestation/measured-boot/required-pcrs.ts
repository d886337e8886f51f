import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';
import type { PoolPolicy } from '#protocol/policy.ts';
import { IMA_PCR } from '#tpm2/ima-log.ts';

/** PCRs that must be quoted for these demands to be provable, ascending. A pool whose `pcrs` lack one of them can admit nobody. */
export function measuredBootPcrs(policy: MeasuredBootPolicy): readonly number[] {
  const needed: readonly (readonly [pcrs: readonly number[], isNeeded: boolean])[] = [
    [[4, 7], policy.secureBoot === 'required' || policy.dmaProtection === 'required'],
    [[4, 7], isGiven(policy.authorities, policy.dbxIncludes, policy.dbxMinimumEntries, policy.sbatAtLeast)],
    [[5], policy.exitBootServices !== 'not-required'],
    [[7, 14], isGiven(policy.mok)],
    [[4], isGiven(policy.bootApplications, policy.kernelDigests)],
    [[8], isGiven(policy.grubCommands)],
    [[8, 12], isGiven(policy.commandLines)],
    [[9], isGiven(policy.loaderFiles, policy.initrdDigests)],
    [[11, 12, 13], isGiven(policy.uki)],
  ];
  return [...new Set(needed.flatMap(([pcrs, isNeeded]) => (isNeeded ? pcrs : [])))].toSorted((a, b) => a - b);
}

const isGiven = (...members: readonly unknown[]): boolean => members.some((member) => member !== undefined);

/** The PCRs that a pool's reference values are for. PCR 10 has no value that could be known: with `ima` its list is judged instead. */
export function referencePcrsOf({ pcrs, referencePcrs, ima }: PoolPolicy['tpm2']): readonly number[] {
  return referencePcrs ?? pcrs.filter((pcr) => ima === undefined || pcr !== IMA_PCR);
}
