import type { Log } from '#services/http/request-log.ts';

import type { CrlPublisher } from './crl-publisher.ts';

export interface PublishingDeps {
  readonly publishers: readonly CrlPublisher[];
  readonly log: Pick<Log, 'error'>;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  readonly pause: (ms: number, stop: AbortSignal) => Promise<void>;
}

/** Between two looks for a revocation: part of the second from a revocation to the list that tells of it. */
const LOOK_EVERY_MS = 200;
/** After a fault the store or the signer gets this long. */
const RETRY_MS = 5_000;

/**
 * Keeps every publisher's list up to date, whoever revoked: this process or another over the same store. Revocations that come while a list is made share the
 * next one. Disposing of it lets what runs finish, then of the publishers.
 */
export function publishRegularly({ publishers, log, pause }: PublishingDeps): AsyncDisposable {
  const stop = new AbortController();
  const keepUp = async (publisher: CrlPublisher): Promise<void> => {
    while (!stop.signal.aborted) {
      let waitMs = LOOK_EVERY_MS;
      try {
        await publisher.refresh();
      } catch (error) {
        waitMs = RETRY_MS;
        const { number, nextUpdate } = publisher.current() ?? {};
        log.error({ err: error, issuer: publisher.issuerKeyId, servedNumber: number, nextUpdate }, 'CRL not renewed');
      }
      await pause(waitMs, stop.signal);
    }
  };
  const running = publishers.map(keepUp);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(running);
      for (const publisher of publishers) await publisher[Symbol.asyncDispose]();
    },
  };
}
