import { z } from 'zod';

import { timestamp } from './fields.ts';

const BOOT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+~-]*$/;

/** How soon, and how late, an agent may be asked for its next heartbeat. */
export const NEXT_HEARTBEAT_SECONDS = { min: 5, max: 3_600 } as const;

/** `POST /v1/heartbeats`, as the service reads it. Which node sends it is known by the certificate of the connection, and by nothing in here. */
export const heartbeatRequestSchema = z.strictObject({
  /** The kernel's name for this boot, a lower-case UUID. Claimed: no quote covers it. */
  bootId: z.string().max(36).regex(BOOT_ID, 'not a boot id: lower-case UUID'),
  agentVersion: z.string().min(1).max(64).regex(VERSION, 'not a version: letters, digits and .+~-'),
  /** The node's own clock. Claimed: shows how wrong it is. */
  clock: timestamp.max(40),
});
export type HeartbeatRequest = z.output<typeof heartbeatRequestSchema>;

/** The `200` answer to `POST /v1/heartbeats`, as an attester reads it: tolerant of members it does not know. */
export const heartbeatResponseSchema = z.object({
  nextSeconds: z.int().min(NEXT_HEARTBEAT_SECONDS.min).max(NEXT_HEARTBEAT_SECONDS.max),
  /** True: join again at once, whatever is left of the certificate's life. */
  renewNow: z.boolean(),
});
export type HeartbeatResponse = z.output<typeof heartbeatResponseSchema>;
