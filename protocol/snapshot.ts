import { z } from 'zod';

import { wholeNumber } from './fields.ts';

/** Seconds that the service holds a request for changes back while there are none, at most. */
export const SNAPSHOT_WAIT_MAX_SECONDS = 30;

/** `GET /v1/snapshot?after&wait`: without `after`, the whole snapshot at once. */
export const snapshotQuerySchema = z.strictObject({
  /** The change that the caller has. */
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  /** Seconds to hold the answer back while nothing changes. */
  wait: wholeNumber(0, SNAPSHOT_WAIT_MAX_SECONDS).optional(),
});
export type SnapshotQuery = z.output<typeof snapshotQuerySchema>;

/** One signed statement, as `docs/operations/authorizer.md` describes it. Unverified: only the signature in it counts. */
export const snapshotAnswerSchema = z.object({ statement: z.string() });
export type SnapshotAnswer = z.output<typeof snapshotAnswerSchema>;
