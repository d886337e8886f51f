import { once } from 'node:events';

import type { Clock } from '#core/clock.ts';
import { pooledRandom } from '#core/random.ts';
import { createLog } from '#services/http/request-log.ts';

import { startService } from '#services/compose/service.ts';
import type { ServerConfig } from '#services/config/config.ts';
import type { Material } from './material.ts';
import { openStore } from './open-store.ts';

export interface RunOptions {
  readonly now: Clock;
  /** Aborts when the service should stop. */
  readonly stop: AbortSignal;
  readonly version: string;
}

/**
 * Runs the service over its store until `stop` aborts, then lets running requests finish. SIGHUP makes it read
 * the policy, the ticket keys and the listeners' certificates again. Rejects with a DependencyError when the
 * store cannot be opened, or is in doubt while the service runs: then it should be started again, and finds out what is sound.
 */
export async function runService(config: ServerConfig, material: Material, options: RunOptions): Promise<void> {
  const { now, stop, version } = options;
  const log = createLog(config.log.level);
  using hangups = onHangup();
  const store = await openStore(config.store, now);
  await using service = await startService({ config, material, store, log, now, random: pooledRandom(), version });
  hangups.call(() => {
    service.reloadPolicy().catch((error: unknown) => log.error({ err: error }, 'policy not reloaded'));
    material.ticketKeys.reload().then(
      (keys) => log.info({ keys }, 'ticket keys read'),
      (error: unknown) => log.error({ err: error }, 'ticket keys not read: those that there were go on'),
    );
    void service.reloadIdentities();
  });
  const { node, admin, metrics, health } = service;
  log.info({ node, admin, metrics, health }, 'service ready');
  await Promise.race([aborted(stop), aborted(store.failure)]);
  if (store.failure.aborted) throw store.failure.reason;
  log.info({ delaySeconds: config.shutdown.delaySeconds }, 'service stopping');
  await service.drain();
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/**
 * From here on SIGHUP does not end the process. One that comes before `call` was given its listener is kept for it: whoever sent it has
 * changed files that may have been read already.
 */
function onHangup(): Disposable & { readonly call: (listener: () => void) => void } {
  let listener: (() => void) | undefined;
  let isWaiting = false;
  const hear = (): void => {
    if (listener === undefined) isWaiting = true;
    else listener();
  };
  process.on('SIGHUP', hear);
  return {
    call: (given) => {
      listener = given;
      if (isWaiting) given();
    },
    [Symbol.dispose]: () => {
      process.off('SIGHUP', hear);
    },
  };
}
