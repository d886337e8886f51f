import type { Agent } from 'node:https';

import type { Bytes } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';

import type { Answer } from './answer.ts';
import { AnswerTooLongError, type HttpAnswer, postJson, type PostOptions } from './connection.ts';
import { connectionFault } from './connection-fault.ts';
import { fraction } from './retry.ts';

/** Longest answer of the protocol: a challenge with its ticket, or a certificate chain and the cluster's CAs. */
const MAX_ANSWER_BYTES = 131_072;
const REQUEST_TIMEOUT_MS = 30_000;

/** Sends JSON to a path of the service, once, and gives what `read` makes of the answer. */
export type PostToService = <T>(
  path: string,
  body: Bytes,
  read: (answer: HttpAnswer) => Answer<T>,
) => Promise<Answer<T>>;

export interface ReplicaOptions {
  readonly services: readonly URL[];
  readonly random: RandomSource;
  /** Aborted: requests are broken off, and have no answer. */
  readonly signal?: AbortSignal | undefined;
  /** What a connection's error means, where more can be said than it says itself. What it throws is thrown in place of an answer. */
  readonly explain?: ((error: unknown, url: URL) => Promise<string | undefined>) | undefined;
  /** Says the `traceparent` of each request; without it there is none. */
  readonly traceparent?: (() => string) | undefined;
}

/**
 * The service at `services`, which are replicas of one another: requests stay with one for as long as that one answers, and go on to the next
 * otherwise. The order is random.
 */
export function openReplicas(options: ReplicaOptions, agent: Agent): PostToService {
  const { services, random, signal, explain } = options;
  const replicas = shuffle(services, random);
  let current = 0;
  return async (path, body, read) => {
    const replica = replicas[current % replicas.length];
    if (replica === undefined) throw new RangeError('there is no service to ask');
    const how = { agent, signal, explain, traceparent: options.traceparent?.() };
    const answer = await attempt(how, { url: new URL(path, replica), body }, read);
    if (answer.status === 'unreachable' || (answer.status === 'problem' && answer.httpStatus >= 500)) current += 1;
    return answer;
  };
}

async function attempt<T>(
  { explain, ...how }: Pick<PostOptions, 'agent' | 'signal' | 'traceparent'> & Pick<ReplicaOptions, 'explain'>,
  { url, body }: { readonly url: URL; readonly body: Bytes },
  read: (answer: HttpAnswer) => Answer<T>,
): Promise<Answer<T>> {
  let answer: HttpAnswer;
  try {
    answer = await postJson(url, body, { ...how, timeoutMs: REQUEST_TIMEOUT_MS, maxAnswerBytes: MAX_ANSWER_BYTES });
  } catch (error) {
    if (error instanceof AnswerTooLongError) return { status: 'unusable', reason: error.message };
    const reason = (await explain?.(error, url)) ?? connectionFault(error).reason;
    return { status: 'unreachable', reason: `${url.origin} cannot be reached: ${reason}` };
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
