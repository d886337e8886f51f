import { type Bytes, utf8 } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import { type ChallengeRequestBody, challengeResponseSchema, type ChallengeResponse } from '#protocol/challenge.ts';
import {
  type JoinPending,
  joinPendingSchema,
  type JoinRequestBody,
  type JoinResponse,
  joinResponseSchema,
} from '#protocol/join.ts';
import { type KeyEnrolled, keyEnrolledSchema, type KeyEnrolmentBody } from '#protocol/join-token.ts';

import { type Answer, readBody, readProblem } from './answer.ts';
import { type HttpAnswer, openAgent } from './connection.ts';
import { openReplicas } from './replicas.ts';
import { assertClockServes, blameClock, dateOf } from './service-time.ts';

/** A join request as it will be sent: the same bytes however often. */
export interface PreparedJoin {
  readonly body: Bytes;
}

/** The join service, as the agent sees it. Each call is one attempt; each throws ClockOffError where this machine's clock is why it must fail. */
export interface JoinService extends Disposable {
  requestChallenge(request: ChallengeRequestBody): Promise<Answer<ChallengeResponse>>;
  submitJoin(join: PreparedJoin): Promise<Answer<JoinResponse | JoinPending>>;
  /** By a join token. */
  enrolKey(request: KeyEnrolmentBody): Promise<Answer<KeyEnrolled>>;
}

export interface JoinServiceOptions {
  readonly services: readonly URL[];
  /** PEM of the only CAs that are trusted for the service's own certificate. */
  readonly serviceCa: string;
  readonly random: RandomSource;
  readonly now: Clock;
  /** Aborted: requests are broken off, and have no answer. */
  readonly signal?: AbortSignal | undefined;
  /** Says the `traceparent` of each request; without it there is none. */
  readonly traceparent?: (() => string) | undefined;
}

/** The body of a join request, serialised once, so that a retry repeats the same request. */
export function prepareJoin(request: JoinRequestBody): PreparedJoin {
  return { body: utf8(JSON.stringify(request)) };
}

/** A client of the service, over one connection for as long as it lasts. Disposing of it breaks that off. */
export function openJoinService(options: JoinServiceOptions): JoinService {
  const agent = openAgent(options.serviceCa);
  const { serviceCa, now } = options;
  const post = openReplicas({ ...options, explain: (error, url) => blameClock(error, url, serviceCa, now) }, agent);
  const problemOf = (answer: HttpAnswer): Answer<never> => readProblem(answer, options.now().getTime());

  return {
    requestChallenge: (request) =>
      post('/v1/challenges', utf8(JSON.stringify(request)), (answer) => {
        // Before the join, which would have a certificate signed that this machine must throw away.
        assertClockServes(dateOf(answer.headers.date), now());
        return answer.status === 201 ? readBody(answer, challengeResponseSchema) : problemOf(answer);
      }),
    submitJoin: ({ body }) =>
      post('/v1/joins', body, (answer): Answer<JoinResponse | JoinPending> => {
        if (answer.status === 201) return readBody(answer, joinResponseSchema);
        return answer.status === 202 ? readBody(answer, joinPendingSchema) : problemOf(answer);
      }),
    enrolKey: (request) =>
      post('/v1/keys', utf8(JSON.stringify(request)), (answer) =>
        answer.status === 201 ? readBody(answer, keyEnrolledSchema) : problemOf(answer),
      ),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
