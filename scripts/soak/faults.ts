import { setTimeout as pause } from 'node:timers/promises';

import { inflate } from './balloon.ts';
import type { SoakWorld } from './world.ts';

/** Something that goes wrong once a minute, and is mended. */
export interface Fault {
  readonly name: string;
  /** What requests may come to beside the documented problems while it lasts: only a process that is gone gives no answer. */
  readonly endsProcess: boolean;
  /** Does it, and mends it after a while. `round` counts from 0. */
  readonly happen: (round: number) => Promise<void>;
}

/** One that happened: when it began and when it was mended, in milliseconds since the load began. */
export interface Happened {
  readonly fault: string;
  readonly endsProcess: boolean;
  readonly fromMs: number;
  readonly mendedMs: number;
}

const SEALED_MS = 4_000;
const FULL_MS = 4_000;
const AWAY_MS = 2_000;

/** The faults of one minute, in their order. That of the disk needs a small one. */
export function faultsOf({ postgres, keyServer, replicas, disk }: SoakWorld): readonly Fault[] {
  const fault = (name: string, happen: Fault['happen'], endsProcess = false): Fault => ({ name, endsProcess, happen });
  return [
    fault('PostgreSQL restarted', async (round) => {
      // Asked to stop and, every other time, as after a power failure.
      if (round % 2 === 1) return postgres.crashAndRestart();
      await postgres.stop();
      await postgres.start();
    }),
    fault('key server sealed', async () => {
      await keyServer.seal();
      await pause(SEALED_MS);
      await keyServer.unseal();
    }),
    ...(disk === undefined
      ? []
      : [
          fault('disk full', async () => {
            {
              using _ = inflate(disk);
              await pause(FULL_MS);
            }
            // What an operator's supervisor does: it may have ended rather than write a record in part.
            if (!postgres.isRunning()) await postgres.start();
          }),
        ]),
    fault(
      'replica killed -9',
      async (round) => {
        const replica = replicas[round % replicas.length];
        await replica?.kill();
        await pause(AWAY_MS);
        await replica?.start();
      },
      true,
    ),
  ];
}
