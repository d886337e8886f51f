import { utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import type { NodeName } from '#core/ids.ts';

import { fraction } from '../retry.ts';

/** Shares of a certificate's life between which a node renews. */
const EARLIEST = 0.5;
const LATEST = 0.7;

interface Life {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * When to attest again for a certificate of this life: when the service said, if that is between 50 and 70 % of it; otherwise the nearer end of that
 * span, so that neither a wrong answer nor a wrong clock makes a node renew all the time or never. Where nothing was said (an agent that was
 * started again), at a share that is always the same for one node and another one for each.
 */
export function renewalTime({ notBefore, notAfter }: Life, nodeName: NodeName, said?: Date): Date {
  const from = notBefore.getTime();
  const life = notAfter.getTime() - from;
  const earliest = from + life * EARLIEST;
  const latest = from + life * LATEST;
  const own = earliest + fraction(sha256(utf8(nodeName))) * (latest - earliest);
  const wanted = said === undefined || Number.isNaN(said.getTime()) ? own : said.getTime();
  return new Date(Math.floor(Math.min(Math.max(wanted, earliest), latest)));
}
