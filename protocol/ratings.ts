import { z } from 'zod';

/** The ratings, the weakest first: each asks for all that the one before asks. */
export const PROTECTION_RATINGS = ['default', 'protected', 'highly-protected'] as const;
export const protectionRatingSchema = z.enum(PROTECTION_RATINGS);

/** What an organisation says of the workloads that a pool is for. */
export const classificationSchema = z.strictObject({
  exposure: z
    .enum(['internal', 'partner', 'public'])
    .describe('Who reaches what runs there: our own people, partners, or anybody.'),
  criticality: z.enum(['non-critical', 'critical']).describe('Whether the business stands still without it.'),
  sensitivity: z
    .enum(['internal', 'sensitive', 'highly-sensitive'])
    .describe('The most sensitive data that is processed there.'),
});
export type Classification = z.output<typeof classificationSchema>;

const byExposure = z.strictObject({
  internal: protectionRatingSchema.describe('For internal exposure.'),
  partner: protectionRatingSchema.describe('For exposure to partners.'),
  public: protectionRatingSchema.describe('For exposure to the public.'),
});
const byCriticality = z.strictObject({
  'non-critical': byExposure.describe('For what is not critical.'),
  critical: byExposure.describe('For what is critical.'),
});

/** Which rating each classification gets: every one of the eighteen must be named. */
export const ratingTableSchema = z.strictObject({
  internal: byCriticality.describe('For internal data.'),
  sensitive: byCriticality.describe('For sensitive data.'),
  'highly-sensitive': byCriticality.describe('For highly sensitive data.'),
});
export type RatingTable = z.output<typeof ratingTableSchema>;

const everywhere = (rating: (typeof PROTECTION_RATINGS)[number]) => ({
  internal: rating,
  partner: rating,
  public: rating,
});

/** The table that holds unless the policy has one of its own. */
export const DEFAULT_RATINGS: RatingTable = {
  internal: {
    'non-critical': everywhere('default'),
    critical: { internal: 'default', partner: 'protected', public: 'protected' },
  },
  sensitive: { 'non-critical': everywhere('default'), critical: everywhere('protected') },
  'highly-sensitive': { 'non-critical': everywhere('protected'), critical: everywhere('highly-protected') },
};
