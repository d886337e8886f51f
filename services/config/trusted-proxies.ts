import { z } from 'zod';

const trustedProxies = z
  .array(z.union([z.cidrv4(), z.cidrv6()]))
  .min(1)
  .max(256)
  .describe('Address ranges of the proxies, in CIDR notation. What anybody else says of an address is not looked at.');

/** How the node listener learns of callers behind a proxy. */
export const proxiesSchema = z
  .discriminatedUnion('mode', [
    z.strictObject({
      mode: z.literal('none').describe('Nobody speaks for a caller: the connection’s own address counts.'),
    }),
    z.strictObject({
      mode: z
        .literal('proxy-v2')
        .describe(
          'The proxies pass TLS through and begin each connection with the PROXY protocol, version 2. One that does not is cut off.',
        ),
      trustedProxies,
    }),
    z.strictObject({
      mode: z
        .literal('x-forwarded-for')
        .describe(
          'The proxies end TLS and append the caller’s address to `X-Forwarded-For`. A request without it is refused.',
        ),
      trustedProxies,
      hops: z
        .int()
        .min(1)
        .max(8)
        .default(1)
        .describe('Proxies on the way, each of them trusted. The caller is this many entries from the right.'),
    }),
  ])
  .default({ mode: 'none' })
  .describe('Proxies whose word on a caller’s address is taken.');
