import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { PostgresPlace } from '#services/store/postgres/connection-options.ts';

import type { LiveService } from './live-service.ts';
import type { LabPostgres } from './postgres.ts';
import { freePorts, type RunningService, startMusterServe } from './programs.ts';

/** What `muster init` writes of the store. */
export const SQLITE_SECTION = 'kind: sqlite\n  path: data/muster.db';

/** The same for a database of `server`'s. */
export async function postgresSection(place: PostgresPlace, server: LabPostgres): Promise<string> {
  const files = await server.writeClientFiles();
  return `kind: postgres
  host: ${place.host}
  port: ${place.port}
  database: ${place.database}
  user: ${place.user}
  passwordFile: ${files.password}
  ca: ${files.ca}`;
}

/** One more process with a live service's files, on ports of its own. It comes and goes under one address. */
export interface Replica extends AsyncDisposable {
  /** `https://host:port` of its node listener. */
  readonly url: string;
  readonly pid: () => number;
  readonly start: () => Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  readonly kill: () => Promise<void>;
}

/** A replica of `service`, which need not run; started. */
export async function startReplica({ folder }: LiveService, index: number): Promise<Replica> {
  const [nodePort, adminPort] = await freePorts();
  const text = await readFile(join(folder, 'muster/muster.yaml'), 'utf8');
  const [, firstNode, firstAdmin] = /port: (\d+)[\s\S]*?port: (\d+)/.exec(text) ?? [];
  const config = `muster/replica-${index}.yaml`;
  await writeFile(
    join(folder, config),
    text.replace(`port: ${firstNode}`, `port: ${nodePort}`).replace(`port: ${firstAdmin}`, `port: ${adminPort}`),
  );
  let running: RunningService = await startMusterServe(config, folder);
  return {
    url: `https://127.0.0.1:${nodePort}`,
    pid: () => running.pid,
    start: async () => {
      running = await startMusterServe(config, folder);
    },
    kill: () => running.kill(),
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
