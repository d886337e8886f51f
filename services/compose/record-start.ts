import { certificateOrphaned, policyLoaded, serviceStarted } from '#services/audit/events.ts';

import type { ServiceParts } from './service-parts.ts';
import { loadedFacts } from './reload-policy.ts';

/**
 * On resolution the start is on record, and where this process has the store alone, what an earlier one left unfinished is marked orphaned. What
 * others may be working on is the leader's to judge (`tidy-store.ts`).
 */
export async function recordStart({ material, store, log, now, version }: ServiceParts): Promise<void> {
  const orphaned = store.isShared ? [] : await store.orphanUnfinished((intent) => certificateOrphaned(now(), intent));
  if (orphaned.length > 0) log.warn({ serials: orphaned.map(({ serial }) => serial) }, 'certificates orphaned');
  const { policy } = material.policySource.status();
  await store.appendAudit(policyLoaded(now(), loadedFacts(policy)));
  await store.appendAudit(serviceStarted(now(), { version, policyVersion: policy.version }));
}
