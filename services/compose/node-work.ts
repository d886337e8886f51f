import { WorkLimit } from '#services/http/work-limit.ts';

import type { ServiceParts } from './service-parts.ts';
import { after, elapsedMs, turn } from './monotonic.ts';

/** The bound on challenges and joins under way, as the configuration has it. */
export function nodeWork({ config, random }: Pick<ServiceParts, 'config' | 'random'>): WorkLimit {
  const { running, waiting, waitSeconds, runSeconds } = config.limits.work;
  const options = { running, waiting, waitMs: waitSeconds * 1_000, runMs: runSeconds * 1_000 };
  return new WorkLimit(options, { elapsedMs, random, after, turn });
}
