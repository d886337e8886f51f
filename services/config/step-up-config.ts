import { z } from 'zod';

import { relyingPartySchema } from '#protocol/step-up.ts';
import { DEFAULT_STEP_UP_ACTS, STEP_UP_ACTS } from '#services/admin/step-up/acts.ts';

/** The second factor of administrators. The keys themselves are in the list of administrators. */
export const stepUpSchema = z
  .strictObject({
    relyingParty: relyingPartySchema
      .default('muster.internal')
      .describe(
        'WebAuthn relying party id that the security keys were made for. Another one makes every registered key useless.',
      ),
    require: z
      .boolean()
      .default(false)
      .describe('Whether an administrator without a registered key is refused the acts that a key is asked for.'),
    required: z
      .array(z.enum(STEP_UP_ACTS))
      .min(1)
      .max(STEP_UP_ACTS.length)
      .default([...DEFAULT_STEP_UP_ACTS])
      .describe('Acts that a registered key has to sign, each anew.'),
  })
  .prefault({})
  .describe('A second factor for dangerous acts: a security key’s signature over the act itself.');
