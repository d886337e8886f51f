import { Registry } from 'prom-client';

import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import type { Log } from '#services/http/request-log.ts';
import { type ListenerOptions, startListener } from '#services/http/server.ts';

import { authorizerMetrics } from './authorizer-metrics.ts';
import { type FollowDeps, followService } from './follow-service.ts';
import { Knowledge, type KnowledgeOptions } from './knowledge.ts';
import { startObserver } from './observe.ts';
import { createWebhook } from './webhook.ts';

/** What an authorizer is made of. */
export interface AuthorizerParts extends Pick<FollowDeps, 'fetchStatement' | 'pause'> {
  readonly knowledge: Omit<KnowledgeOptions, 'now' | 'log'>;
  /** Where the API server calls. A client certificate of `clientCa` is required. */
  readonly listener: Pick<ListenerOptions, 'host' | 'port' | 'certificate' | 'key'> & {
    readonly clientCa: string;
    readonly clientName: string;
  };
  /** Where health and metrics are. */
  readonly observer: { readonly host: string; readonly port: number };
  /** Of the certificate that the service was last asked with; undefined before. */
  readonly identityNotAfter: () => Date | undefined;
  readonly now: Clock;
  readonly random: RandomSource;
  readonly log: Log;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** The authorizer, answering. Disposing of it lets running requests finish. */
export interface Authorizer extends AsyncDisposable {
  readonly webhook: Place;
  readonly observer: Place;
  readonly knowledge: Pick<Knowledge, 'snapshot' | 'isUsable'>;
}

const MAX_CONNECTIONS = 1_024;
/** The API server keeps its connections; a handshake in the request path is what would be slow. */
const KEEP_ALIVE_MS = 600_000;

/**
 * Starts an authorizer. On resolution it answers by what is on disk, whether or not the service can be reached, and follows the service.
 * On rejection nothing is left open.
 */
export async function startAuthorizer(parts: AuthorizerParts): Promise<Authorizer> {
  const { now, random, log, fetchStatement, pause } = parts;
  const { clientName, ...listener } = parts.listener;
  await using starting = new AsyncDisposableStack();
  const knowledge = await Knowledge.open({ ...parts.knowledge, now, log });
  starting.defer(() => knowledge.settled());
  const registry = new Registry();
  const metrics = authorizerMetrics(registry, knowledge, () => {
    const end = parts.identityNotAfter();
    return end === undefined ? undefined : end.getTime() - now().getTime();
  });
  const onFault = (error: unknown): void => log.error({ err: error }, 'request fault');
  const webhook = createWebhook({
    decide: (review) => knowledge.decide(review),
    clientName,
    now,
    onDecision: metrics.decided,
    onRefusal: metrics.refusedRequest,
    onFault,
  });
  const limits = { maxConnections: MAX_CONNECTIONS, keepAliveMs: KEEP_ALIVE_MS, maxRequestsPerConnection: 0 };
  const listening = starting.use(await startListener({ ...listener, ...limits }, webhook));
  const observer = starting.use(
    await startObserver({ ...parts.observer, registry, isReady: () => knowledge.isUsable, onFault }),
  );
  const stop = new AbortController();
  const onRefusal = metrics.refusedStatement;
  const onFailure = metrics.serviceFailed;
  const following = followService({ knowledge, fetchStatement, pause, random, log, onFailure, onRefusal }, stop.signal);
  starting.defer(async () => {
    stop.abort();
    await following;
  });
  const running = starting.move();
  const place = ({ host, port }: Place): Place => ({ host, port });
  return {
    webhook: place(listening),
    observer: place(observer),
    knowledge,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
