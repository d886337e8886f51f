import { unreachable } from '#core/never.ts';
import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';

/**
 * The narrowest policy that accepts a boot with these facts: what a person reviews, and widens, when a trusted machine was captured. What the
 * boot does not meet is not demanded, visibly: a boot without Secure Boot gives `secureBoot: not-required`. What is not proven is left out.
 */
export function capturedBootPolicy(facts: BootFacts): MeasuredBootPolicy {
  const { secureBoot, bootApplications = [], loaderFiles, uki, grub } = facts;
  const own = bootApplications.filter(({ beforeSeparator }) => beforeSeparator).map(({ digest }) => digest);
  const booted = bootApplications.filter(({ beforeSeparator }) => !beforeSeparator).map(({ digest }) => digest);
  const stages = booted.filter((digest, at) => digest !== booted[at - 1]).map((digest) => [digest]);
  const lines = [...(grub?.commandLines ?? []), ...(uki.commandLines ?? [])];
  return {
    secureBoot: secureBoot?.proven === true ? 'required' : 'not-required',
    dmaProtection: secureBoot?.dmaProtectionDisabled === false ? 'required' : 'not-required',
    exitBootServices: exitDemand(facts.exitBootServices),
    allowPaddedAuthorities: facts.warnings.some(({ code }) => code === 'authority-one-byte-longer'),
    firmwareApplications: [...new Set(own)],
    ...(stages.length > 0 && { bootApplications: { stages } }),
    ...firmwareDemands(facts),
    ...(lines.length === 1 && { commandLines: { exact: lines, tokens: [], requiredTokens: [] } }),
    ...(grub !== undefined && grub.commands.length > 0 && { grubCommands: [...new Set(grub.commands)] }),
    ...(loaderFiles !== undefined && {
      loaderFiles: unique(loaderFiles.filter((file) => !file.isKnownCommandLine).map(({ digest }) => digest)),
    }),
    ...ukiDemands(facts),
  };
}

const unique = (items: readonly string[]): string[] => [...new Set(items)];

function exitDemand(found: BootFacts['exitBootServices']): MeasuredBootPolicy['exitBootServices'] {
  switch (found) {
    case 'logged':
      return 'required';
    case 'not-logged':
      return 'unlogged-allowed';
    case 'missing':
    case undefined:
      return 'not-required';
    default:
      return unreachable(found);
  }
}

type FirmwareDemands = Pick<
  MeasuredBootPolicy,
  'driverAuthorities' | 'authorities' | 'dbxMinimumEntries' | 'sbatAtLeast' | 'mok'
>;

function firmwareDemands({ secureBoot, mok }: BootFacts): FirmwareDemands {
  const fingerprints = (authorities: readonly { readonly fingerprint: string | undefined }[] = []): string[] =>
    unique(authorities.map(({ fingerprint }) => fingerprint).filter((fingerprint) => fingerprint !== undefined));
  const authorities = fingerprints(secureBoot?.authorities);
  const dbx = secureBoot?.dbx;
  const entries =
    dbx === undefined
      ? 0
      : dbx.certificates.length + dbx.imageDigests.length + dbx.certificateDigests.length + dbx.others;
  const sbat = secureBoot?.sbat;
  return {
    driverAuthorities: fingerprints(secureBoot?.driverAuthorities),
    ...(authorities.length > 0 && { authorities }),
    ...(entries > 0 && { dbxMinimumEntries: entries }),
    ...(sbat !== undefined &&
      sbat !== 'unreadable' && { sbatAtLeast: { date: sbat.date, generations: Object.fromEntries(sbat.generations) } }),
    ...mokDemand(mok),
  };
}

function mokDemand(mok: BootFacts['mok']): Pick<MeasuredBootPolicy, 'mok'> {
  if (mok === undefined || (mok.kind === 'measured' && mok.validationDisabled)) return {};
  if (mok.kind === 'absent' || mok.list === 'empty') return { mok: 'empty' };
  return mok.listDigest === undefined ? {} : { mok: { known: [mok.listDigest] } };
}

function ukiDemands({ uki: { image, overrides = [], extensions = [] } }: BootFacts): Pick<MeasuredBootPolicy, 'uki'> {
  if (image === undefined || image.sections.length === 0 || image.otherEvents > 0) return {};
  const sections: Record<string, string[]> = {};
  for (const { name, digest } of image.sections) sections[name] = unique([...(sections[name] ?? []), digest]);
  return { uki: { sections, overrides: unique(overrides), extensions: unique(extensions) } };
}
