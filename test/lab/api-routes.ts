import { z } from 'zod';

import type { RunningService } from './running-service.ts';

/** One route as the running service describes it. */
export interface DescribedRoute {
  readonly listener: 'admin' | 'node';
  readonly method: string;
  readonly path: string;
  /** What it asks of an administrator; undefined on the node listener. */
  readonly permission: string | undefined;
}

const operation = z.object({ tags: z.array(z.string()), description: z.string().optional() });
const openApi = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });

const PARAMETERS: Readonly<Record<string, string>> = {
  '{name}': 'worker-7',
  '{requestId}': '00000000-0000-4000-8000-000000000000',
  '{serial}': '01ab',
};

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'];

/** Every route that the service says it has: a new one is in every table that is made from this. */
export async function apiRoutes(running: RunningService): Promise<readonly DescribedRoute[]> {
  const client = running.admin(await running.administrator());
  const { paths } = openApi.parse((await client.send({ path: '/openapi.json' })).json);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { tags, description }]) => ({
      listener: tags.includes('admin') ? ('admin' as const) : ('node' as const),
      method: method.toUpperCase(),
      path,
      permission: /^Permission: `([a-z:-]+)`/.exec(description ?? '')?.[1],
    })),
  );
}

/** A path of the route with something in the place of each parameter. */
export const concretePath = (path: string): string =>
  path.replaceAll(/\{\w+\}/g, (parameter) => PARAMETERS[parameter] ?? 'x');
