import type { Policy } from '#attestation/evidence-policy.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import type { Clock } from '#core/clock.ts';
import type { AuditCatalogue } from '#services/audit/catalogue.ts';
import { policyLoaded, policyRefused } from '#services/audit/events.ts';
import type { Log } from '#services/http/request-log.ts';

import type { PolicySource } from '#services/policy-source.ts';

export interface ReloadDeps {
  readonly policySource: PolicySource;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
  readonly log: Log;
  readonly now: Clock;
  /** Told of each time that the files were read, and whether they are in force. */
  readonly onRead?: ((taken: boolean) => void) | undefined;
}

/**
 * What reads the policy's files again. On resolution to true the new policy is in force, and was on record before it was; to false: it was
 * refused whole, that is on record and in the log with every fault, and the policy before decides on. Calls run one after another.
 * Rejects when the record cannot be written: then nothing has changed either.
 */
export function policyReloader(deps: ReloadDeps): () => Promise<boolean> {
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const run = last.then(() => reload(deps));
    last = run.catch(() => undefined);
    return run;
  };
}

async function reload({ policySource, appendAudit, log, now, onRead }: ReloadDeps): Promise<boolean> {
  const taken = await policySource.reload((policy) => appendAudit(policyLoaded(now(), loadedFacts(policy))));
  onRead?.(taken);
  const { policy, lastError } = policySource.status();
  if (taken) {
    log.info({ policyVersion: policy.version }, 'policy loaded');
    return true;
  }
  const problems = lastError?.problems ?? [];
  log.error({ policyVersion: policy.version, problems }, 'policy refused; the last good one stays in force');
  await appendAudit(policyRefused(now(), { policyVersion: policy.version, problems }));
  return false;
}

/** What the audit log says of a policy that comes into force. */
export function loadedFacts(policy: Policy): AuditCatalogue['policy.loaded'] {
  const pools = [...policy.pools.values()];
  return {
    policyVersion: policy.version,
    pools: pools.map(({ pool }) => pool),
    referenceValues: [...new Set(pools.flatMap(({ tpm2 }) => tpm2.referenceValues.map(({ name }) => name)))],
  };
}
