import { z } from 'zod';

/** `listeners.health`: where an orchestrator asks whether the service lives and takes callers. */
export const healthListenerSchema = z
  .strictObject({
    host: z
      .union([z.ipv4(), z.ipv6()])
      .default('127.0.0.1')
      .describe('Address to bind, as a literal. Loopback unless set.'),
    port: z.int().min(0).max(65_535).default(7447).describe('Port of the two pages. 0 takes a free one.'),
  })
  .describe(
    'Where an orchestrator’s probes call: plain HTTP to anybody who reaches it, `/livez` and `/readyz`, yes or no and no reason. Not served unless set.',
  );
