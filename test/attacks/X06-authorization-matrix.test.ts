import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { PERMISSIONS, type Permission } from '#services/http/roles.ts';
import { apiRoutes, concretePath, type DescribedRoute, METHODS } from '#test/lab/api-routes.ts';
import { type Caller, callers } from '#test/lab/identities.ts';
import { enrol } from '#test/lab/join-lab.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';

const NO = [401, 403, 404, 405, 501];

describe('X06 routes by methods by callers', () => {
  let running: RunningService;
  let routes: readonly DescribedRoute[];
  let everybody: readonly Caller[];

  beforeAll(async () => {
    running = await runService();
    await enrol(running.store, running.tpm);
    routes = await apiRoutes(running);
    everybody = await callers(running);
  });

  afterAll(() => running[Symbol.asyncDispose]());

  const holds = ({ role }: Caller, route: DescribedRoute | undefined): boolean =>
    role !== undefined && PERMISSIONS[role].some((permission: Permission) => permission === route?.permission);

  test(
    'X06 nobody gets anything but what their role’s list has, and everybody gets that',
    { timeout: 120_000 },
    async () => {
      const paths = [...new Set(routes.filter(({ listener }) => listener === 'admin').map(({ path }) => path))];
      let asked = 0;
      const wrong: string[] = [];
      for (const caller of everybody) {
        const client = running.admin(caller.identity);
        for (const path of paths) {
          for (const method of METHODS) {
            const route = routes.find((known) => known.path === path && known.method === method);
            const request = { method, path: concretePath(path), body: method === 'POST' ? {} : undefined };
            const status = await client.status(request).catch(() => 401);
            asked += 1;
            const expected = holds(caller, route)
              ? status < 500 && ![401, 403, 405].includes(status)
              : NO.includes(status);
            if (!expected) wrong.push(`${caller.who}: ${method} ${path} ${status}`);
          }
        }
      }
      console.log(
        `X06: ${asked} requests by ${everybody.length} callers, ${wrong.length} answered as they should not be`,
      );
      expect(wrong).toEqual([]);
      expect(everybody.length).toBeGreaterThanOrEqual(12);
      expect(asked).toBeGreaterThan(1_000);
    },
  );
});
