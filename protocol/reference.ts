import { z } from 'zod';

import { pcrBank } from './challenge.ts';
import { timestamp } from './fields.ts';

/** `GET /v1/reference-values`: what the running service knows as good, and what it has admitted lately. */
export const referenceListSchema = z.object({
  /** The joins that `admitted` counts: the newest issued ones. */
  countedJoins: z.number().int(),
  /** When the oldest of them was; absent without any. */
  countedSince: timestamp.optional(),
  /** Every name that was ever retired, in the policy in force or not. */
  retired: z.array(z.string()),
  referenceValues: z.array(
    z.object({
      /** What the audit log calls it: `name@version`, or the name alone. */
      name: z.string(),
      /** The pools whose policy names it. */
      pools: z.array(z.string()),
      bank: pcrBank,
      pcrs: z.array(z.number().int()),
      notBefore: timestamp.optional(),
      expires: timestamp.optional(),
      /** Only `valid` admits. */
      standing: z.enum(['valid', 'not-yet-valid', 'expired', 'retired']),
      /** Of the counted joins, those that it admitted. */
      admitted: z.number().int(),
      lastAdmittedAt: timestamp.optional(),
    }),
  ),
});
export type ReferenceList = z.output<typeof referenceListSchema>;

/** `POST /v1/reference-values/retire`. There is no way back: the next version takes its place. */
export const retireRequestSchema = z.strictObject({ name: z.string().min(1).max(160) });
export type RetireRequestBody = z.input<typeof retireRequestSchema>;

export const retireResponseSchema = z.object({
  name: z.string(),
  retiredAt: timestamp,
  /** Pools that have no valid reference values left: nobody joins them now. */
  poolsWithoutAny: z.array(z.string()),
});
export type RetireResponse = z.output<typeof retireResponseSchema>;
