import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

const program = join(import.meta.dirname, 'loaded-packages.ts');

/** Packages of OpenTelemetry in a process of the service. */
async function loaded(...endpoint: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...endpoint]);
  const packages = stdout.split('\n');
  expect(packages).toContain('express');
  return packages.filter((name) => name.startsWith('@opentelemetry/'));
}

describe('the libraries of tracing', { timeout: 120_000 }, () => {
  test('are in no process without it; the metrics’ library brings the interface alone', async () => {
    expect(await loaded()).toEqual(['@opentelemetry/api']);
  });

  test('are there where it is configured', async () => {
    expect(await loaded('http://127.0.0.1:9/v1/traces')).toContain('@opentelemetry/sdk-trace');
  });
});
