import { z } from 'zod';

import { NEXT_HEARTBEAT_SECONDS } from '#protocol/heartbeat.ts';
import type { Silence } from '#services/inventory/connectivity.ts';

const DAY_SECONDS = 86_400;

/** When a silent node counts as late, and as lost. */
export const connectivitySchema = z
  .strictObject({
    heartbeatSeconds: z
      .int()
      .min(NEXT_HEARTBEAT_SECONDS.min)
      .max(NEXT_HEARTBEAT_SECONDS.max)
      .default(30)
      .describe('What nodes are told to wait from one heartbeat to the next.'),
    lateAfterMissed: z.int().min(1).max(100).default(3).describe('Heartbeats missed after which a node is `late`.'),
    lostAfterSeconds: z
      .int()
      .min(1)
      .max(30 * DAY_SECONDS)
      .default(600)
      .describe('Seconds of silence after which a node is `lost`.'),
  })
  .superRefine((given, context) => {
    const { lateMs, lostMs } = silenceOf(given);
    if (lostMs > lateMs) return;
    const message = `not more than ${lateMs / 1_000}, after which a node is late`;
    context.addIssue({ code: 'custom', path: ['lostAfterSeconds'], message });
  })
  .prefault({})
  .describe('When a node that is not heard from is late, and when it is lost.');

type ConnectivityConfig = {
  readonly heartbeatSeconds: number;
  readonly lateAfterMissed: number;
  readonly lostAfterSeconds: number;
};

/** The configuration in milliseconds of silence. */
export const silenceOf = (config: ConnectivityConfig): Silence => ({
  lateMs: config.heartbeatSeconds * config.lateAfterMissed * 1_000,
  lostMs: config.lostAfterSeconds * 1_000,
});
