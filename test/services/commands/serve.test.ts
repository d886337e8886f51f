import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { init } from '#services/commands/init.ts';
import { serve } from '#services/commands/serve.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

let folder: string;
const config = 'made/muster.yaml';

const terminal = (stop: AbortSignal = AbortSignal.abort(), out: string[] = [], err: string[] = []) => ({
  out: (text: string) => void out.push(text),
  err: (text: string) => void err.push(text),
  stopSignal: () => stop,
  workingDirectory: folder,
  now: systemClock,
});

beforeAll(async () => {
  // The tests' own variables (MUSTER_FUZZ_RUNS and others) are none of the service's, which would refuse to start.
  for (const name of Object.keys(process.env)) if (name.startsWith('MUSTER_')) vi.stubEnv(name, undefined);
  folder = mkdtempSync(join(tmpdir(), 'muster-serve-'));
  const { management } = await labNodeCa({ now: systemClock() });
  writeFileSync(join(folder, 'kubernetes.pem'), certificatePem(management.certificate));
  const options = { dir: 'made', kubernetesUrl: 'https://127.0.0.1:6443', kubernetesCa: 'kubernetes.pem' };
  await init(options, terminal());
  const text = readFileSync(join(folder, config), 'utf8').replaceAll(/port: \d+/g, 'port: 0');
  writeFileSync(join(folder, config), `${text}\nlog:\n  level: error\n`);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const failureOf = async (options: object, stop?: AbortSignal): Promise<CommandFailure> => {
  try {
    await serve(options, terminal(stop));
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error('did not fail');
};

const typesOnRecord = async (): Promise<readonly string[]> => {
  await using store = await openSqliteStore({ path: join(folder, 'made/data/muster.db') });
  return (await store.readAudit(0, 100)).map(({ type }) => type);
};

describe('muster serve', () => {
  test('checks what a start would read, and opens nothing', async () => {
    const [out, err]: [string[], string[]] = [[], []];
    await serve({ config, checkConfig: true }, terminal(undefined, out, err));
    expect(out.join('')).toContain('is valid');
    expect(err.join('')).toContain('Administrator without a security key: "admin".\n');
  });

  test('runs until it is asked to stop, and has both on record', async () => {
    await serve({ config }, terminal());
    expect(await typesOnRecord()).toEqual([
      'policy.loaded',
      'service.started',
      'authorities.changed',
      'service.stopped',
    ]);
  });

  test('names every fault of its configuration, with the exit code for that', async () => {
    writeFileSync(join(folder, 'bad.yaml'), 'apiVersion: muster/v1\nkind: ServerConfig\npolicies: x\n');
    const failure = await failureOf({ config: 'bad.yaml' });
    expect(failure.exitCode).toBe(EXIT.configuration);
    expect(failure.message).toMatch(/audience: [\s\S]*policies: unknown member/);
    expect((await failureOf({ config: 'none.yaml' })).exitCode).toBe(EXIT.configuration);
    expect((await failureOf({})).exitCode).toBe(EXIT.usage);
  });

  test('says where it cannot listen', async () => {
    const taken = createServer().listen({ host: '127.0.0.1', port: 0 });
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const text = readFileSync(join(folder, config), 'utf8').replace('port: 0', `port: ${port}`);
    writeFileSync(join(folder, 'made/taken.yaml'), text);
    const failure = await failureOf({ config: 'made/taken.yaml' });
    taken.close();
    expect(failure.exitCode).toBe(EXIT.unavailable);
    expect(failure.message).toBe(`cannot listen at 127.0.0.1 port ${port} (EADDRINUSE)`);
  });
});
