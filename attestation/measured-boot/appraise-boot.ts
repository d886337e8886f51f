import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { Denial } from '../result.ts';
import { appraiseBootChain } from './appraise-boot-chain.ts';
import { appraiseCommandLine, appraiseGrubCommands } from './appraise-command-line.ts';
import { appraiseLoaderFiles } from './appraise-loader-files.ts';
import { appraiseSecureBoot } from './appraise-secure-boot.ts';
import { appraiseShim } from './appraise-shim.ts';
import { appraiseUki } from './appraise-uki.ts';
import type { BootFacts } from './boot-facts.ts';
import { denialsOf, factResult, type FactResult, notVerified } from './fact-result.ts';

export interface BootAppraisal {
  /** One for each demand of the policy, met or not. */
  readonly results: readonly FactResult[];
  /** Empty only if every demand is met. */
  readonly denials: readonly Denial[];
}

/**
 * Every demand of `policy` beside what `facts` prove. No denials only if all are met; a demand about a fact that is not proven is not met,
 * and an empty list of what is accepted accepts nothing. Everything in PCRs 4 to 14 could have been extended by a running system as well:
 * that the images of PCR 4 are known ones is what makes the rest their word, so a policy should name them, or PCR 4's value.
 */
export function appraiseBoot(facts: BootFacts, policy: MeasuredBootPolicy): BootAppraisal {
  const results = [
    ...appraiseSecureBoot(facts, policy),
    ...appraiseShim(facts, policy),
    ...appraiseBootChain(facts, policy),
    ...appraiseCommandLine(facts, policy),
    ...appraiseGrubCommands(facts, policy),
    ...appraiseLoaderFiles(facts, policy),
    ...appraiseUki(facts, policy),
    ...appraiseExitBootServices(facts, policy),
  ];
  return { results, denials: denialsOf(results) };
}

const EXIT = { fact: 'exit-boot-services', code: 'exit-boot-services-missing', pcr: 5 } as const;

function appraiseExitBootServices(
  { exitBootServices: found }: BootFacts,
  { exitBootServices }: MeasuredBootPolicy,
): readonly FactResult[] {
  if (exitBootServices === 'not-required') return [];
  const wanted = exitBootServices === 'unlogged-allowed' ? 'logged or not-logged' : 'logged';
  if (found === undefined) return [notVerified(EXIT, wanted)];
  const ok = found === 'logged' || (found === 'not-logged' && exitBootServices === 'unlogged-allowed');
  return [factResult(EXIT, { wanted, found, ok })];
}
