import { z } from 'zod';

/** `shutdown`: what happens between SIGTERM and the end. */
export const shutdownSchema = z
  .strictObject({
    delaySeconds: z
      .int()
      .min(0)
      .max(300)
      .default(0)
      .describe(
        'After `/readyz` has begun to fail, connections are still taken for so long: what a load balancer takes to notice.',
      ),
    graceSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(5)
      .describe('How long running requests have to finish, on each listener, before their connections are cut.'),
  })
  .prefault({})
  .describe(
    'How the service ends. Together with the time of the requests it must be less than what the process manager waits.',
  );
