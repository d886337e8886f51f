import { type Origin, originOf, type SegmentSet } from './origin.ts';

/**
 * The client in an X-Forwarded-For that a trusted proxy sent, counted from the right: each proxy appends the address that called it, so the
 * last `hops` entries are the proxies' own words, and what stands before them is the caller's. Those after the client's must be trusted
 * proxies themselves. Undefined, so refused, where the header is missing, too short, or one of the counted entries is not a plain address.
 */
export function forwardedClient(
  header: string | string[] | undefined,
  { trusted, hops }: { readonly trusted: SegmentSet; readonly hops: number },
): Origin | undefined {
  if (header === undefined) return undefined;
  const entries = (Array.isArray(header) ? header.join(',') : header).split(',');
  if (hops < 1 || entries.length < hops) return undefined;
  const [client, ...proxies] = entries.slice(-hops).map((entry) => originOf(entry.replaceAll(/^[ \t]+|[ \t]+$/g, '')));
  return proxies.every((proxy) => proxy !== undefined && trusted.contains(proxy)) ? client : undefined;
}
