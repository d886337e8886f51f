import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootApplicationFact } from './boot-application-facts.ts';
import type { BootFacts } from './boot-facts.ts';
import { factResult, type FactResult, listed, notVerified } from './fact-result.ts';

const APPLICATIONS = { fact: 'boot-applications', code: 'boot-application-refused', pcr: 4 } as const;
const FIRMWARE = { fact: 'firmware-applications', code: 'boot-application-refused', pcr: 4 } as const;
const KERNEL = { fact: 'kernel', code: 'kernel-refused', pcr: 4 } as const;

/** The demands on the images that ran, from the firmware's own applications to the kernel. */
export function appraiseBootChain(facts: BootFacts, policy: MeasuredBootPolicy): readonly FactResult[] {
  return [...appraiseApplications(facts, policy), ...appraiseKernel(facts, policy)];
}

function appraiseApplications(
  { bootApplications: found }: BootFacts,
  { bootApplications, kernelDigests = [], firmwareApplications }: MeasuredBootPolicy,
): readonly FactResult[] {
  if (bootApplications === undefined) return [];
  const { stages, anyOf = [] } = bootApplications;
  const wanted = stages === undefined ? listed(anyOf) : stages.map(listed).join(' then ');
  if (found === undefined) return [notVerified(APPLICATIONS, wanted)];
  const own = digestsOf(found.filter(({ beforeSeparator }) => beforeSeparator));
  const booted = withoutRepeats(digestsOf(found.filter(({ beforeSeparator }) => !beforeSeparator)));
  const ok =
    stages === undefined
      ? booted.length > 0 && booted.every((digest) => anyOf.includes(digest) || kernelDigests.includes(digest))
      : areStages(booted, stages) || areStages(booted, [...stages, kernelDigests]);
  return [
    factResult(FIRMWARE, {
      wanted: listed(firmwareApplications),
      found: listed(own),
      ok: own.every((digest) => firmwareApplications.includes(digest)),
    }),
    factResult(APPLICATIONS, { wanted, found: listed(booted), ok }),
  ];
}

/** One image for each stage, in order and no more; without stages nothing is. */
function areStages(booted: readonly string[], stages: readonly (readonly string[])[]): boolean {
  return (
    stages.length > 0 &&
    booted.length === stages.length &&
    stages.every((digests, at) => digests.some((digest) => digest === booted[at]))
  );
}

/** Loaders measure a kernel when they verify it and once more when they start it. */
const withoutRepeats = (digests: readonly string[]): readonly string[] =>
  digests.filter((digest, at) => digest !== digests[at - 1]);

const digestsOf = (applications: readonly BootApplicationFact[]): readonly string[] =>
  applications.map(({ digest }) => digest);

/**
 * The kernel is the last image that firmware or shim started. A GRUB that starts kernels by itself leaves only the file it read, in PCR 9,
 * among others: that counts only where every digest of PCR 9 has to be a known one, for a running system can add to a PCR but take nothing
 * away.
 */
function appraiseKernel(facts: BootFacts, policy: MeasuredBootPolicy): readonly FactResult[] {
  const { kernelDigests, loaderFiles, initrdDigests } = policy;
  if (kernelDigests === undefined) return [];
  const wanted = listed(kernelDigests);
  if (facts.bootApplications === undefined) return [notVerified(KERNEL, wanted)];
  const last = facts.bootApplications.findLast(({ beforeSeparator }) => !beforeSeparator)?.digest;
  const files = loaderFiles === undefined && initrdDigests === undefined ? [] : (facts.loaderFiles ?? []);
  const candidates = [...(last === undefined ? [] : [last]), ...files.map(({ digest }) => digest)];
  const kernel = candidates.find((digest) => kernelDigests.includes(digest));
  return [factResult(KERNEL, { wanted, found: kernel ?? last ?? 'no image', ok: kernel !== undefined })];
}
