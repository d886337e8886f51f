import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { generatedPages, stalePages } from '#scripts/gen-docs.ts';
import { runService, type RunningService } from '#test/lab/running-service.ts';

let running: RunningService;
beforeAll(async () => {
  running = await runService();
});
afterAll(() => running[Symbol.asyncDispose]());

test('the generated pages in docs/ are what the code says', () => {
  expect(stalePages(join(import.meta.dirname, '../..'))).toEqual([]);
});

describe('docs/openapi.json', () => {
  const document = JSON.parse(generatedPages().get('docs/openapi.json') ?? '') as { paths: object };

  test('is what the service serves to administrators', async () => {
    const client = running.admin(await running.administrator('viewer'));
    const served = await client.send({ path: '/openapi.json' });
    expect(served.status).toBe(200);
    expect(served.json).toEqual(document);
  });

  test('refers to nothing that is not in it', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, reference = '']) => reference);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      const found = reference
        .replace('#/', '')
        .split('/')
        .reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], document);
      expect({ reference, found }).toEqual({ reference, found: expect.any(Object) });
    }
  });

  test('has a permission for every route of the admin listener, and problems for every route', () => {
    const operations = Object.values(document.paths).flatMap((path: object) => Object.values(path)) as {
      tags: string[];
      description?: string;
      security: unknown[];
      responses: Record<string, unknown>;
    }[];
    expect(operations.length).toBeGreaterThan(12);
    for (const { tags, description, security, responses } of operations) {
      expect(security.length).toBe(tags.includes('admin') ? 1 : 0);
      expect(description !== undefined).toBe(tags.includes('admin'));
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '500', '503']));
    }
  });
});
