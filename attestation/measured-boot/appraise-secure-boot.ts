import type { MeasuredBootPolicy } from '#protocol/measured-boot-policy.ts';

import type { BootFacts } from './boot-facts.ts';
import { type FactName, factResult, type FactResult, listed, notVerified } from './fact-result.ts';
import type { AuthorityFact, DatabaseFact, SecureBootFacts } from './secure-boot-facts.ts';

/** The demands on what the firmware verifies: Secure Boot, who may vouch for images, the revocation list, DMA. */
export function appraiseSecureBoot(facts: BootFacts, policy: MeasuredBootPolicy): readonly FactResult[] {
  return DEMANDS.flatMap(({ isMade, name, wanted, look }) => {
    if (!isMade(policy)) return [];
    const { secureBoot } = facts;
    if (secureBoot === undefined) return [notVerified(name, wanted(policy))];
    return [factResult(name, { wanted: wanted(policy), ...look(secureBoot, policy, facts) })];
  });
}

interface Demand {
  readonly isMade: (policy: MeasuredBootPolicy) => boolean;
  readonly name: FactName;
  readonly wanted: (policy: MeasuredBootPolicy) => string;
  readonly look: (
    facts: SecureBootFacts,
    policy: MeasuredBootPolicy,
    boot: BootFacts,
  ) => { readonly found: string; readonly ok: boolean };
}

const isSecureBootRequired = ({ secureBoot }: MeasuredBootPolicy): boolean => secureBoot === 'required';

const DEMANDS: readonly Demand[] = [
  {
    isMade: isSecureBootRequired,
    name: { fact: 'secure-boot', code: 'secure-boot-not-proven', pcr: 7 },
    wanted: () => 'proven',
    look: ({ proven, doubts }) => ({ found: proven ? 'proven' : listed(doubts), ok: proven }),
  },
  {
    isMade: isSecureBootRequired,
    name: { fact: 'driver-authorities', code: 'boot-authority-refused', pcr: 7 },
    wanted: ({ driverAuthorities }) => listed(driverAuthorities),
    look: ({ driverAuthorities: found }, { driverAuthorities }) => ({
      found: describe(found),
      ok: found.every((authority) => isOneOf(authority, driverAuthorities)),
    }),
  },
  {
    isMade: ({ authorities }) => authorities !== undefined,
    name: { fact: 'authorities', code: 'boot-authority-refused', pcr: 7 },
    wanted: ({ authorities = [] }) => listed(authorities),
    look: ({ authorities }, policy) => {
      const vouching = authorities.filter(({ fingerprint }) => fingerprint !== undefined);
      const ok = vouching.length > 0 && vouching.every((authority) => isOneOf(authority, policy.authorities ?? []));
      return { found: describe(vouching), ok };
    },
  },
  {
    isMade: ({ dbxIncludes }) => dbxIncludes !== undefined,
    name: { fact: 'dbx', code: 'dbx-outdated', pcr: 7 },
    wanted: ({ dbxIncludes = [] }) => `at least these ${dbxIncludes.length} digests`,
    look: ({ dbx }, { dbxIncludes = [] }) => {
      const present = new Set([...dbx.imageDigests, ...dbx.certificateDigests, ...dbx.certificates]);
      const missing = dbxIncludes.filter((digest) => !present.has(digest));
      return { found: `missing: ${listed(missing)}`, ok: dbxIncludes.length > 0 && missing.length === 0 };
    },
  },
  {
    isMade: ({ dbxMinimumEntries }) => dbxMinimumEntries !== undefined,
    name: { fact: 'dbx-entries', code: 'dbx-outdated', pcr: 7 },
    wanted: ({ dbxMinimumEntries = Infinity }) => `at least ${dbxMinimumEntries}`,
    look: ({ dbx }, { dbxMinimumEntries = Infinity }) => {
      const count = countEntries(dbx);
      return { found: `${count}`, ok: count >= dbxMinimumEntries };
    },
  },
  {
    isMade: (policy) => isSecureBootRequired(policy) || policy.dbxIncludes !== undefined,
    name: { fact: 'revoked-images', code: 'boot-application-revoked', pcr: 4 },
    wanted: () => 'none',
    look: ({ dbx }, { dbxIncludes = [] }, { bootApplications = [] }) => {
      const revoked = new Set([...dbx.imageDigests, ...dbxIncludes]);
      const booted = bootApplications.map(({ digest }) => digest).filter((digest) => revoked.has(digest));
      return { found: listed(booted), ok: booted.length === 0 };
    },
  },
  {
    isMade: ({ dmaProtection }) => dmaProtection === 'required',
    name: { fact: 'dma-protection', code: 'dma-protection-disabled', pcr: 7 },
    wanted: () => 'not reported as disabled',
    look: ({ dmaProtectionDisabled }) => ({
      found: dmaProtectionDisabled ? 'disabled' : 'not reported as disabled',
      ok: !dmaProtectionDisabled,
    }),
  },
];

const isOneOf = ({ fingerprint }: AuthorityFact, allowed: readonly string[]): boolean =>
  fingerprint !== undefined && allowed.includes(fingerprint);

const describe = (authorities: readonly AuthorityFact[]): string =>
  listed(authorities.map(({ variable, fingerprint }) => `${variable} ${fingerprint ?? 'without a fingerprint'}`));

const countEntries = ({ certificates, imageDigests, certificateDigests, others }: DatabaseFact): number =>
  certificates.length + imageDigests.length + certificateDigests.length + others;
