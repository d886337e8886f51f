import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';
import { factResult, type FactResult, listed, notVerified } from './fact-result.ts';
import { loadOptionsDigests } from './grub-facts.ts';

const FILES = { fact: 'loader-files', code: 'loader-file-refused', pcr: 9 } as const;
const INITRD = { fact: 'initrd', code: 'initrd-refused', pcr: 9 } as const;

/**
 * The demands on PCR 9. What a digest is of, only the log says; so every one of them has to be known, as a file, a kernel, an initial RAM
 * disk, or the load options with a command line that is proven or allowed. One of them has to be an initial RAM disk where the policy names
 * those.
 */
export function appraiseLoaderFiles(facts: BootFacts, policy: MeasuredBootPolicy): readonly FactResult[] {
  const { loaderFiles, initrdDigests, kernelDigests = [], commandLines } = policy;
  if (loaderFiles === undefined && initrdDigests === undefined) return [];
  const files = facts.loaderFiles;
  const wanted = 'known digests only';
  if (files === undefined) return [notVerified(FILES, wanted)];
  const lines = commandLines?.exact ?? [];
  const known = new Set([
    ...(loaderFiles ?? []),
    ...(initrdDigests ?? []),
    ...kernelDigests,
    ...lines.flatMap((line) => loadOptionsDigests(line, facts.bank)),
  ]);
  const unknown = files
    .filter(({ digest, isKnownCommandLine }) => !isKnownCommandLine && !known.has(digest))
    .map(({ digest, unverifiedName }) => `${digest} (said to be ${unverifiedName})`);
  const results = [factResult(FILES, { wanted, found: `unknown: ${listed(unknown)}`, ok: unknown.length === 0 })];
  if (initrdDigests === undefined) return results;
  const initrd = files.find(({ digest }) => initrdDigests.includes(digest))?.digest;
  const outcome = { wanted: listed(initrdDigests), found: initrd ?? 'none of them', ok: initrd !== undefined };
  return [...results, factResult(INITRD, outcome)];
}
