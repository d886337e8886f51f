import { z } from 'zod';

import { imaPolicySchema } from './ima-policy.ts';

/** `GET /v1/policy/ima`: what the policy in force demands of IMA lists. */
export const imaDemandsSchema = z.object({
  policyVersion: z.string(),
  /** By pool; pools without such demands are not in it. */
  pools: z.record(z.string(), imaPolicySchema),
});
export type ImaDemands = z.output<typeof imaDemandsSchema>;
