import { readFileSync } from 'node:fs';

import { parse } from 'yaml';
import { z } from 'zod';

const words = z.array(z.string());

const mount = z.union([
  z.string(),
  z.strictObject({
    type: z.string(),
    source: z.string(),
    target: z.string(),
    volume: z.strictObject({ nocopy: z.boolean() }),
  }),
]);

const healthcheck = z.union([
  z.strictObject({ disable: z.literal(true) }),
  z.strictObject({
    test: words,
    interval: z.string(),
    timeout: z.string().optional(),
    start_period: z.string().optional(),
    retries: z.int(),
  }),
]);

const serviceSchema = z.looseObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string(), target: z.string().optional() }).optional(),
  entrypoint: words.optional(),
  command: words.optional(),
  environment: z.record(z.string(), z.string()).default({}),
  configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).default([]),
  volumes: z.array(mount).default([]),
  tmpfs: words.default([]),
  networks: words.optional(),
  network_mode: z.string().optional(),
  ports: words.default([]),
  user: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: words.default([]),
  security_opt: words.default([]),
  pids_limit: z.int().optional(),
  mem_limit: z.string().optional(),
  restart: z.string().optional(),
  healthcheck: healthcheck.optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.string() })).default({}),
});

const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.strictObject({})),
  configs: z.record(z.string(), z.strictObject({ file: z.string() })),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().default(false) })),
});

export type ComposeFile = z.output<typeof composeSchema>;
export type ComposeService = ComposeFile['services'][string];

/** The file as docker compose reads it: merge keys applied, `${NAME:-default}` replaced by its default. */
export function readComposeFile(path = 'docker-compose.yml'): ComposeFile {
  const text = readFileSync(path, 'utf8').replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1');
  return composeSchema.parse(parse(text, { merge: true }));
}

/** A volume at its place in a container. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** What a service mounts, whichever way it is written. */
export const mountsOf = ({ volumes }: Pick<ComposeService, 'volumes'>): readonly Mount[] =>
  volumes.map((one) => {
    if (typeof one !== 'string') return { source: one.source, target: one.target, readOnly: false };
    const [source = '', target = '', mode] = one.split(':');
    return { source, target, readOnly: mode === 'ro' };
  });

/** One that ends when its job is done. */
export const isJob = ({ restart }: Pick<ComposeService, 'restart'>): boolean => restart === 'no';
