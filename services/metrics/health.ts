import type { CrlFacts } from './state-metrics.ts';
import type { Probed } from './prober.ts';

/** Where the service stands in its life. */
export type Stage = 'starting' | 'serving' | 'draining';

export interface HealthSources {
  readonly stage: () => Stage;
  readonly store: () => Probed;
  readonly signer: () => Probed;
  readonly policy: () => { readonly lastError: object | undefined };
  readonly crls: () => readonly Pick<CrlFacts, 'issuerKeyId' | 'nextUpdate'>[];
  /** What keeps audit records from being delivered. */
  readonly auditExport: () => readonly string[];
  readonly now: () => Date;
}

/** Something that is not as it should be. */
export interface Ailment {
  readonly part: 'service' | 'store' | 'signer' | 'policy' | 'crl' | 'audit-export';
  readonly reason: string;
}

/**
 * Why callers should be sent to another replica: this one starts, ends, or cannot reach its records. A signer that is away is no such reason:
 * every replica has the same one, and heartbeats, lists and snapshots are served without it.
 */
export function whyNotReady({ stage, store }: Pick<HealthSources, 'stage' | 'store'>): readonly Ailment[] {
  const ailments: Ailment[] = [];
  if (stage() === 'starting') ailments.push({ part: 'service', reason: 'it is starting' });
  if (stage() === 'draining') ailments.push({ part: 'service', reason: 'it is being stopped' });
  const { fault } = store();
  if (fault !== undefined) ailments.push({ part: 'store', reason: fault });
  return ailments;
}

/** Everything that is not as it should be. Empty: all is well. */
export function ailmentsOf(sources: HealthSources): readonly Ailment[] {
  const ailments = [...whyNotReady(sources)];
  const { fault } = sources.signer();
  if (fault !== undefined) ailments.push({ part: 'signer', reason: fault });
  if (sources.policy().lastError !== undefined) {
    ailments.push({ part: 'policy', reason: 'newer files were refused; the last good policy is in force' });
  }
  const crls = sources.crls();
  if (crls.length === 0) ailments.push({ part: 'crl', reason: 'there is no list yet' });
  const now = sources.now();
  for (const { issuerKeyId, nextUpdate } of crls) {
    if (nextUpdate <= now) ailments.push({ part: 'crl', reason: `the list of ${issuerKeyId} is out of date` });
  }
  for (const reason of sources.auditExport()) ailments.push({ part: 'audit-export', reason });
  return ailments;
}
