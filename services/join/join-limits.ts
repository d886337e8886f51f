import type { EkFingerprint } from '#core/ids.ts';
import { networkOf, type Origin } from '#services/http/origin.ts';
import { chargeAll, type Rate, RateLimit } from '#services/http/rate-limit.ts';
import type { Answer, Anonymous, Route } from '#services/http/route.ts';

import type { JoinPolicy } from './join-policy.ts';

export interface JoinRates {
  /** Of all callers in one segment, and of all callers in none. */
  readonly perSegment: Rate;
  /** Of one IPv4 address, or one IPv6 /64. */
  readonly perAddress: Rate;
  /** Of one EK from one address. */
  readonly perEk: Rate;
}

export interface JoinLimitsDeps {
  /** The policy in force. */
  readonly policy: () => JoinPolicy;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number;
}

/** How often callers may ask. Each answers the whole seconds to wait, or undefined: the request is let through, and counted. */
export interface JoinLimits {
  /** For any request, before its body is read. */
  ofSource(origin: Origin | undefined): number | undefined;
  /**
   * For a request that shows `ek`. Counted apart for each address: to show an EK takes no proof, so a stranger could otherwise use up an
   * honest node's allowance.
   */
  ofEk(ek: EkFingerprint, origin: Origin): number | undefined;
}

const NOWHERE = 'outside';

export function joinLimits(rates: JoinRates, { policy, elapsedMs }: JoinLimitsDeps): JoinLimits {
  const segments = new RateLimit(rates.perSegment);
  const addresses = new RateLimit(rates.perAddress);
  const eks = new RateLimit(rates.perEk);
  return {
    ofSource: (origin) => {
      const segment = (origin === undefined ? undefined : policy().segmentOf(origin)) ?? NOWHERE;
      const address = origin === undefined ? NOWHERE : networkOf(origin);
      return chargeAll(
        [
          [segments, segment],
          [addresses, address],
        ],
        elapsedMs(),
      );
    },
    ofEk: (ek, origin) => chargeAll([[eks, `${ek} ${networkOf(origin)}`]], elapsedMs()),
  };
}

/** `routes`, each request of them within the limit of its source, which is looked at before its body is read. */
export function limitRoutes(
  routes: readonly Route<Anonymous>[],
  limits: Pick<JoinLimits, 'ofSource'>,
): readonly Route<Anonymous>[] {
  return routes.map((route) => ({
    ...route,
    problems: [...route.problems, 'rate-limited'],
    run: async (request): Promise<Answer> => {
      const retryAfterSeconds = limits.ofSource(request.origin);
      if (retryAfterSeconds !== undefined) return { problem: 'rate-limited', retryAfterSeconds };
      return route.run(request);
    },
  }));
}
