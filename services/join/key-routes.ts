import { keyEnrolledSchema, keyEnrolmentSchema } from '#protocol/join-token.ts';
import { networkOf } from '#services/http/origin.ts';
import { chargeAll, RateLimit } from '#services/http/rate-limit.ts';
import { type Anonymous, nodeRoute, nothing, type Route } from '#services/http/route.ts';

import { enrolKey, type EnrolKeyDeps } from './enrol-key.ts';
import { type JoinLimits, limitRoutes } from './join-limits.ts';

const BODY_BYTES = 8_192;
/** Of one IPv4 address, or one IPv6 /64. A secret of 256 bits needs no lock; the log that is filled with guesses does. */
const ATTEMPTS = { burst: 20, perMinute: 10 };

export interface KeyRoutesDeps extends EnrolKeyDeps {
  readonly limits: Pick<JoinLimits, 'ofSource'>;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number;
}

/** Where a machine without a TPM enrols its key. */
export function keyRoutes(deps: KeyRoutesDeps): readonly Route<Anonymous>[] {
  const attempts = new RateLimit(ATTEMPTS);
  const route = nodeRoute({
    method: 'POST',
    path: '/v1/keys',
    operationId: 'enrolKey',
    summary: 'Enrol a key that signs measurements, by a join token',
    params: nothing,
    query: nothing,
    body: { schema: keyEnrolmentSchema, limitBytes: BODY_BYTES },
    answers: {
      201: { description: 'The key is enrolled; the same again for the same key', schema: keyEnrolledSchema },
    },
    problems: ['origin-refused', 'token-refused'],
    handle: async ({ body, requestId, origin }) => {
      const network = origin === undefined ? 'outside' : networkOf(origin);
      const retryAfterSeconds = chargeAll([[attempts, network]], deps.elapsedMs());
      if (retryAfterSeconds !== undefined) return { problem: 'rate-limited', retryAfterSeconds };
      const outcome = await enrolKey(deps, body, { requestId, origin });
      return outcome.ok ? { status: 201, body: outcome.enrolled } : { problem: outcome.problem };
    },
  });
  return limitRoutes([route], deps.limits);
}
