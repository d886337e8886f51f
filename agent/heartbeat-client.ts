import { utf8 } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatResponseSchema } from '#protocol/heartbeat.ts';

import { type Answer, readBody, readProblem } from './answer.ts';
import { openAgent } from './connection.ts';
import type { HeldCredential } from './held-credential.ts';
import { openReplicas } from './replicas.ts';

/** What one heartbeat came to: an answer like any other, or a service that has no heartbeats. */
export type HeartbeatAnswer = Answer<HeartbeatResponse> | { readonly status: 'not-served' };

/** The service, as heartbeats see it. Each call is one attempt. */
export interface HeartbeatService extends Disposable {
  /** Says, as the node that `identity` is the certificate of, that it lives. */
  beat(identity: HeldCredential, request: HeartbeatRequest): Promise<HeartbeatAnswer>;
}

export interface HeartbeatOptions {
  readonly services: readonly URL[];
  /** PEM of the only CAs that are trusted for the service's own certificate. */
  readonly serviceCa: string;
  readonly random: RandomSource;
  readonly now: Clock;
  /** Aborted: requests are broken off, and have no answer. */
  readonly signal?: AbortSignal | undefined;
}

/** A client for heartbeats, over one connection for as long as the certificate is the same: a connection is one identity. */
export function openHeartbeats(options: HeartbeatOptions): HeartbeatService {
  let open: ReturnType<typeof openFor> | undefined;
  return {
    async beat(identity, request) {
      if (open?.fingerprint !== identity.fingerprint) {
        open?.agent.destroy();
        open = openFor(identity, options);
      }
      let isServed = true;
      const answer = await open.post('/v1/heartbeats', utf8(JSON.stringify(request)), (got) => {
        isServed = got.status !== 404;
        if (got.status === 200) return readBody(got, heartbeatResponseSchema);
        return readProblem(got, options.now().getTime());
      });
      return isServed ? answer : { status: 'not-served' };
    },
    [Symbol.dispose]: () => open?.agent.destroy(),
  };
}

function openFor(identity: HeldCredential, options: HeartbeatOptions) {
  const agent = openAgent(options.serviceCa, identity);
  return { fingerprint: identity.fingerprint, agent, post: openReplicas(options, agent) };
}
