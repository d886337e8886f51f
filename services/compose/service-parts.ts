import type { Clock } from '#core/clock.ts';
import type { RandomSource } from '#core/random.ts';
import type { Log } from '#services/http/request-log.ts';
import type { Store } from '#services/store/store.ts';
import type { ServerConfig } from '#services/config/config.ts';
import type { Material } from '#services/material.ts';

/** What the service is made of. The store is the service's from here on: it is closed with it. */
export interface ServiceParts {
  readonly config: ServerConfig;
  readonly material: Material;
  readonly store: Store;
  readonly log: Log;
  readonly now: Clock;
  readonly random: RandomSource;
  /** Of this program, for the record of its start. */
  readonly version: string;
}
