import type { Policy } from '#attestation/evidence-policy.ts';
import { standingOf } from '#attestation/reference-values.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { type Occasion, referenceRetired } from '#services/audit/events.ts';

export interface RetireDeps {
  /** The policy in force, with what is retired marked in it. */
  readonly policy: () => Policy;
  /** From its return on, these names admit nobody. */
  readonly retire: (names: readonly string[]) => void;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

export type RetireOutcome =
  | { readonly ok: true; readonly poolsWithoutAny: readonly string[] }
  | { readonly ok: false; readonly problem: 'not-found' | 'state-conflict' };

/**
 * Takes reference values back. On `ok` the record is durable, and no join is admitted by them any more: from that record every later start
 * learns it. A join that was appraised before may still get its certificate. `not-found`: the policy in force names no such set, and
 * nothing changed; `state-conflict`: they are retired already.
 */
export async function retireReferenceValues(
  deps: RetireDeps,
  name: string,
  occasion: Occasion,
  by: string,
): Promise<RetireOutcome> {
  const named = setsOf(deps.policy()).filter((set) => set.name === name);
  if (named.length === 0) return { ok: false, problem: 'not-found' };
  if (named.every(({ retired }) => retired)) return { ok: false, problem: 'state-conflict' };
  await deps.appendAudit(referenceRetired(occasion, by, { name, policyVersion: deps.policy().version }));
  deps.retire([name]);
  const empty = [...deps.policy().pools.values()].filter(
    ({ tpm2 }) => !tpm2.referenceValues.some((set) => standingOf(set, occasion.at) === 'valid'),
  );
  return { ok: true, poolsWithoutAny: empty.map(({ pool }) => pool) };
}

const setsOf = (policy: Policy) => [...policy.pools.values()].flatMap(({ tpm2 }) => tpm2.referenceValues);
