import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';
import { factResult, type FactResult, listed, notVerified } from './fact-result.ts';
import type { UkiImageFact } from './uki-facts.ts';

const SECTIONS = { fact: 'uki-sections', code: 'uki-refused', pcr: 11 } as const;
const OVERRIDES = { fact: 'uki-overrides', code: 'uki-refused', pcr: 12 } as const;
const EXTENSIONS = { fact: 'uki-extensions', code: 'uki-refused', pcr: 13 } as const;

type UkiPolicy = NonNullable<MeasuredBootPolicy['uki']>;

/** The demands on a unified kernel image: its sections, and what came to it from outside. */
export function appraiseUki({ uki: found }: BootFacts, { uki }: MeasuredBootPolicy): readonly FactResult[] {
  if (uki === undefined) return [];
  return [
    appraiseSections(found.image, uki),
    appraiseDigests(OVERRIDES, found.overrides, uki.overrides),
    appraiseDigests(EXTENSIONS, found.extensions, uki.extensions),
  ];
}

/** Every section is known, every known section is there, and nothing else was measured with them. */
function appraiseSections(image: UkiImageFact | undefined, { sections }: UkiPolicy): FactResult {
  const names = Object.keys(sections);
  const wanted = `known contents of: ${listed(names)}`;
  if (image === undefined) return notVerified(SECTIONS, wanted);
  const known = new Map(Object.entries(sections));
  const unknown = image.sections.filter(({ name, digest }) => !known.get(name)?.includes(digest));
  const missing = names.filter((name) => !image.sections.some((section) => section.name === name));
  const ok = names.length > 0 && unknown.length === 0 && missing.length === 0 && image.otherEvents === 0;
  const found = [
    `unknown: ${listed(unknown.map(({ name, digest }) => `${name} ${digest}`))}`,
    `missing: ${listed(missing)}`,
    `other events: ${image.otherEvents}`,
  ];
  return factResult(SECTIONS, { wanted, found: found.join('; '), ok });
}

function appraiseDigests(
  name: typeof OVERRIDES | typeof EXTENSIONS,
  found: readonly string[] | undefined,
  allowed: readonly string[],
): FactResult {
  const wanted = listed(allowed);
  if (found === undefined) return notVerified(name, wanted);
  return factResult(name, { wanted, found: listed(found), ok: found.every((digest) => allowed.includes(digest)) });
}
