import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';
import { factResult, type FactResult, notVerified } from './fact-result.ts';
import type { MokFacts } from './mok-facts.ts';

const SBAT = { fact: 'sbat', code: 'sbat-outdated', pcr: 7 } as const;
const MOK = { fact: 'mok', code: 'mok-refused', pcr: 14 } as const;

/** The demands on what shim enforces: its revocation level, and whose keys it takes besides the firmware's. */
export function appraiseShim(facts: BootFacts, policy: MeasuredBootPolicy): readonly FactResult[] {
  return [...appraiseSbat(facts, policy), ...appraiseMok(facts, policy)];
}

function appraiseSbat({ secureBoot }: BootFacts, { sbatAtLeast }: MeasuredBootPolicy): readonly FactResult[] {
  if (sbatAtLeast === undefined) return [];
  const generations = Object.entries(sbatAtLeast.generations);
  const wanted = renderLevel(sbatAtLeast.date, generations);
  if (secureBoot === undefined) return [notVerified(SBAT, wanted)];
  const { sbat } = secureBoot;
  if (sbat === undefined || sbat === 'unreadable') {
    return [factResult(SBAT, { wanted, found: sbat ?? 'not measured', ok: false })];
  }
  const enforced = new Map(sbat.generations);
  const ok =
    sbat.date >= sbatAtLeast.date &&
    generations.every(([component, generation]) => (enforced.get(component) ?? 0) >= generation);
  return [factResult(SBAT, { wanted, found: renderLevel(sbat.date, sbat.generations), ok })];
}

const renderLevel = (date: string, generations: readonly (readonly [string, number])[]): string =>
  [date, ...generations.map(([component, generation]) => `${component} ${generation}`)].join(', ');

function appraiseMok({ mok: found }: BootFacts, { mok }: MeasuredBootPolicy): readonly FactResult[] {
  if (mok === undefined) return [];
  const wanted = mok === 'empty' ? 'no machine owner keys' : `one of ${mok.known.length} known lists`;
  if (found === undefined) return [notVerified(MOK, wanted)];
  return [factResult(MOK, { wanted, found: renderMok(found), ok: isAccepted(found, mok) })];
}

function isAccepted(found: MokFacts, mok: NonNullable<MeasuredBootPolicy['mok']>): boolean {
  if (found.kind === 'absent') return mok === 'empty';
  if (found.validationDisabled) return false;
  return mok === 'empty' ? found.list === 'empty' : mok.known.some((digest) => digest === found.listDigest);
}

function renderMok(found: MokFacts): string {
  if (found.kind === 'absent') return 'nothing of shim’s was measured';
  const validation = found.validationDisabled ? ', and shim may have been told not to verify' : '';
  return `list ${found.list} (${found.listDigest ?? 'no digest'})${validation}`;
}
