import { certificateOrphaned, policyLoaded, serviceStarted } from '#services/audit/events.ts';

import type { ServiceParts } from './service-parts.ts';
import { loadedFacts } from './reload-policy.ts';

/** On resolution what an earlier process left unfinished is marked orphaned, and the start is on record. */
export async function recordStart({ material, store, log, now, version }: ServiceParts): Promise<void> {
  const orphaned = await store.orphanUnfinished((intent) => certificateOrphaned(now(), intent));
  if (orphaned.length > 0) log.warn({ serials: orphaned.map(({ serial }) => serial) }, 'certificates orphaned');
  const { policy } = material.policySource.status();
  await store.appendAudit(policyLoaded(now(), loadedFacts(policy)));
  await store.appendAudit(serviceStarted(now(), { version, policyVersion: policy.version }));
}
