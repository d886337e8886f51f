import { type StepUp, stepUp } from '#services/admin/step-up/step-up.ts';
import { type Administrators, readAdministratorsWithoutKey } from '#services/administrators.ts';

import { elapsedMs } from './monotonic.ts';
import type { ServiceParts } from './service-parts.ts';

/** The second factor that administrators' dangerous acts need. */
export function stepUpOf(
  { config, material, store, now, random }: ServiceParts,
  { securityKeysOf }: Pick<Administrators, 'securityKeysOf'>,
): StepUp {
  const { relyingParty, require, required } = config.stepUp;
  return stepUp({
    now,
    elapsedMs,
    random,
    sealingKeys: material.ticketKeys,
    relyingParty,
    require,
    required: new Set(required),
    securityKeysOf,
    useStepUp: (...used) => store.useStepUp(...used),
    appendAudit: (event) => store.appendAudit(event),
  });
}

/** Says once, at the start, who has no second factor. */
export async function warnOfMissingKeys({ config, log }: ServiceParts): Promise<void> {
  const without = await readAdministratorsWithoutKey(config.listeners.admin.administrators);
  if (without.length > 0) log.warn({ administrators: without }, 'administrators without a security key');
}
