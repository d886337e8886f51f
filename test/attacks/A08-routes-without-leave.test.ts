import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { apiRoutes, concretePath, type DescribedRoute, METHODS } from '#test/lab/api-routes.ts';
import type { LabClient } from '#test/lab/https-client.ts';
import { callers, nodeIdentity } from '#test/lab/identities.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';
import type { TlsIdentity } from '#test/lab/service-pki.ts';

const CLEAN = [401, 403, 404, 405, 501];

describe('A08 every route with every method, by those who may not', () => {
  let running: RunningService;
  let routes: readonly DescribedRoute[];
  let clockOffsetMs = 0;

  beforeAll(async () => {
    running = await runService({ now: () => new Date(systemClock().getTime() + clockOffsetMs) });
    await enrol(running.store, running.tpm);
    routes = await apiRoutes(running);
  });

  afterAll(() => running[Symbol.asyncDispose]());

  /** The statuses of everything asked of one client, without those that say no. */
  const opened = async (client: LabClient, listener: DescribedRoute['listener']): Promise<readonly string[]> => {
    const paths = new Set(routes.filter((route) => route.listener === listener).map(({ path }) => path));
    const found: string[] = [];
    for (const path of [...paths, '/', '/v1', '/v1/nothing', '/metrics', '/debug/vars']) {
      for (const method of METHODS) {
        const body = method === 'POST' ? {} : undefined;
        const status = await client.status({ method, path: concretePath(path), body }).catch(() => 401);
        if (!CLEAN.includes(status)) found.push(`${method} ${path} ${status}`);
      }
    }
    return found;
  };

  test('A08 to an administrator the routes do answer', async () => {
    const client = running.admin(await running.administrator());
    expect(routes.length).toBeGreaterThan(15);
    expect((await opened(client, 'admin')).length).toBeGreaterThan(10);
  });

  test('A08 none answers somebody who is nobody here', { timeout: 60_000 }, async () => {
    const strangers = (await callers(running)).filter(({ role }) => role === undefined);
    expect(strangers).toHaveLength(7);
    for (const { who, identity } of strangers) {
      expect([who, await opened(running.admin(identity), 'admin')]).toEqual([who, []]);
    }
  });

  test('A08 none answers a certificate that has expired, or was taken off the list, on a connection that was open', async () => {
    const identity: TlsIdentity = await running.administrator();
    const client = running.admin(identity);
    expect((await client.send({ path: '/v1/nodes' })).status).toBe(200);
    clockOffsetMs = 48 * 3_600_000;
    expect(await opened(client, 'admin')).toEqual([]);
    clockOffsetMs = 0;
    running.list();
    expect(await opened(client, 'admin')).toEqual([]);
    running.list(identity);
    expect((await client.send({ path: '/v1/nodes' })).status).toBe(200);
  });

  test('A08 no route of the administrators’ is on the nodes’ listener, whoever asks there', async () => {
    const nodePaths = new Set(routes.filter(({ listener }) => listener === 'node').map(({ path }) => path));
    const admin = routes.filter(({ listener, path }) => listener === 'admin' && !nodePaths.has(path));
    await nodeIdentity(running);
    const client = running.node();
    for (const { method, path } of admin) {
      const status = await client.status({
        method,
        path: concretePath(path),
        body: method === 'POST' ? {} : undefined,
      });
      expect([method, path, status]).toEqual([method, path, 404]);
    }
  });
});
