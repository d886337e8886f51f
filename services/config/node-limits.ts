import { z } from 'zod';

const rate = (burst: number, perMinute: number, whose: string) =>
  z
    .strictObject({
      burst: z.int().min(1).max(1_000_000).default(burst).describe('How many requests at once, after a rest.'),
      perMinute: z
        .int()
        .min(1)
        .max(60_000_000)
        .default(perMinute)
        .describe('How many a minute for as long as it lasts.'),
    })
    .prefault({})
    .describe(whose);

/** Bounds on how often nodes may ask, and on how much of what they ask is done at the same time. */
export const joinRatesSchema = z
  .strictObject({
    perSegment: rate(
      20_000,
      72_000,
      'Of all callers in one segment of the policy, and of all callers outside every segment.',
    ),
    perAddress: rate(
      5_000,
      36_000,
      'Of one IPv4 address or IPv6 /64. High enough for all the machines behind one NAT to start at once: a join is two requests.',
    ),
    perEk: rate(20, 20, 'Of one EK from one address.'),
  })
  .prefault({})
  .describe('How often nodes may ask. Over a rate the answer is 429 with the time to wait in `Retry-After`.');

export const workSchema = z
  .strictObject({
    running: z.int().min(1).max(256).default(16).describe('Challenges and joins that are worked on at the same time.'),
    waiting: z
      .int()
      .min(0)
      .max(65_535)
      .default(1_024)
      .describe('How many may wait for that; one more is answered 503.'),
    waitSeconds: z.int().min(1).max(60).default(5).describe('How long one may wait before it is answered 503.'),
    runSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(20)
      .describe('How long one may be worked on before it is answered 503. A repeat gets what became of it.'),
  })
  .prefault({})
  .describe('How much work for nodes is done at the same time. The admin listener’s work is not counted.');

/** The largest body that a configuration may allow; a network alone gets a fifth of the budget, and must be able to send one. */
export const LARGEST_BODY_BYTES = 16_777_216;

export const heldBodyBytesSchema = z
  .int()
  .min(5 * LARGEST_BODY_BYTES)
  .max(68_719_476_736)
  .default(268_435_456)
  .describe(
    'Bytes of request bodies that the node listener holds at the same time. One IPv4 address or IPv6 /64 may hold a quarter of what is free beside it; a request beyond that is answered 503.',
  );
