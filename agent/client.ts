import type { Agent } from 'node:https';

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

import { type Answer, readBody, readProblem } from './answer.ts';
import { AnswerTooLongError, type HttpAnswer, openAgent, postJson } from './connection.ts';
import { connectionFault } from './connection-fault.ts';
import { fraction } from './retry.ts';

/** Longest answer of the protocol: a challenge with its ticket, or a certificate chain and the cluster's CAs. */
const MAX_ANSWER_BYTES = 131_072;
const REQUEST_TIMEOUT_MS = 30_000;

/** A join request as it will be sent: the same bytes however often. */
export interface PreparedJoin {
  readonly body: Bytes;
}

/** The join service, as the agent sees it. Each call is one attempt. */
export interface JoinService extends Disposable {
  requestChallenge(request: ChallengeRequestBody): Promise<Answer<ChallengeResponse>>;
  submitJoin(join: PreparedJoin): Promise<Answer<JoinResponse | JoinPending>>;
}

export interface JoinServiceOptions {
  readonly services: readonly URL[];
  /** PEM of the only CAs that are trusted for the service's own certificate. */
  readonly serviceCa: string;
  readonly random: RandomSource;
  readonly now: Clock;
}

/** The body of a join request, serialised once, so that a retry repeats the same request. */
export function prepareJoin(request: JoinRequestBody): PreparedJoin {
  return { body: utf8(JSON.stringify(request)) };
}

/**
 * A client of the service at `services`, which are replicas of one another: it stays with one, over one connection, for as long as that
 * one answers, and goes on to the next otherwise. The order is random.
 */
export function openJoinService(options: JoinServiceOptions): JoinService {
  const replicas = shuffle(options.services, options.random);
  const agent = openAgent(options.serviceCa);
  let current = 0;

  const post = async <T>(path: string, body: Bytes, read: (answer: HttpAnswer) => Answer<T>): Promise<Answer<T>> => {
    const replica = replicas[current % replicas.length];
    if (replica === undefined) throw new RangeError('there is no service to ask');
    const answer = await attempt(agent, new URL(path, replica), body, read);
    if (answer.status === 'unreachable' || (answer.status === 'problem' && answer.httpStatus >= 500)) current += 1;
    return answer;
  };
  const problemOf = (answer: HttpAnswer): Answer<never> => readProblem(answer, options.now().getTime());

  return {
    requestChallenge: (request) =>
      post('/v1/challenges', utf8(JSON.stringify(request)), (answer) =>
        answer.status === 201 ? readBody(answer, challengeResponseSchema) : problemOf(answer),
      ),
    submitJoin: ({ body }) =>
      post('/v1/joins', body, (answer): Answer<JoinResponse | JoinPending> => {
        if (answer.status === 201) return readBody(answer, joinResponseSchema);
        return answer.status === 202 ? readBody(answer, joinPendingSchema) : problemOf(answer);
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function attempt<T>(
  agent: Agent,
  url: URL,
  body: Bytes,
  read: (answer: HttpAnswer) => Answer<T>,
): Promise<Answer<T>> {
  let answer: HttpAnswer;
  try {
    answer = await postJson(url, body, { agent, timeoutMs: REQUEST_TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER_BYTES });
  } catch (error) {
    if (error instanceof AnswerTooLongError) return { status: 'unusable', reason: error.message };
    return { status: 'unreachable', reason: `${url.origin} cannot be reached: ${connectionFault(error).reason}` };
  }
  return read(answer);
}

/** A random order, by sorting on random keys. */
function shuffle<T>(items: readonly T[], random: RandomSource): readonly T[] {
  return items
    .map((item) => ({ item, key: fraction(random(4)) }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
