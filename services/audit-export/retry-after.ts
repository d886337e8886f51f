import type { Clock } from '#core/clock.ts';

const SECONDS = /^[0-9]{1,9}$/;
const IMF_FIXDATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/** Milliseconds that a Retry-After header asks for (RFC 9110 §10.2.3), or undefined for none, and for one that is not understood. */
export function retryAfterMs(header: string | undefined, now: Clock): number | undefined {
  if (header === undefined) return undefined;
  if (SECONDS.test(header)) return Number(header) * 1_000;
  if (!IMF_FIXDATE.test(header)) return undefined;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now().getTime());
}
