import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { readCollectorMaterial } from '#services/collector-material.ts';
import { type TracingConfig, tracingSchema } from '#services/config/tracing-config.ts';

const ENDPOINT = 'https://collector.example:4318/v1/traces';

let directory: string;
let headersFile: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-collector-'));
  headersFile = join(directory, 'headers');
});
afterAll(() => rm(directory, { recursive: true }));

const config = (): TracingConfig => ({ endpoint: 'http://127.0.0.1:4318/v1/traces', headersFile, sampleRatio: 1 });
const write = (text: string): Promise<void> => writeFile(headersFile, text, { mode: 0o600 });

describe('the headers of a collector', () => {
  test('are read again each time, and stay as they were while the file is unfit', async () => {
    await write('Authorization: Bearer one\nX-Tenant:  lab \n');
    const { headers } = await readCollectorMaterial(config());
    expect(await headers()).toEqual({ authorization: 'Bearer one', 'x-tenant': 'lab' });
    await write('Authorization: Bearer two\r\n');
    expect(await headers()).toEqual({ authorization: 'Bearer two' });
    await write('Authorization');
    expect(await headers()).toEqual({ authorization: 'Bearer two' });
    await rm(headersFile);
    expect(await headers()).toEqual({ authorization: 'Bearer two' });
  });

  test.each([
    ['without a name', ': x'],
    ['without a value', 'x-token:'],
    ['with a space in its name', 'x token: x'],
    ['with a control character', 'x-token: a\u0007b'],
    ['that is the message’s own', 'Content-Length: 0'],
    ['that names another host', 'Host: elsewhere'],
    ['that names another trace', 'traceparent: x'],
  ])('are refused with one %s, which is not repeated', async (_, line) => {
    await write(`x-first: 1\n${line}\n`);
    await expect(readCollectorMaterial(config())).rejects.toThrow(
      `${headersFile}: line 2: not a header that may be set, as in \`Name: value\``,
    );
  });

  test('are refused where others may read them', async () => {
    await write('x-token: 1\n');
    await chmod(headersFile, 0o644);
    await expect(readCollectorMaterial(config())).rejects.toMatchObject({ code: 'readable-by-others' });
    await chmod(headersFile, 0o600);
  });
});

describe('the configuration of tracing', () => {
  test.each([
    { endpoint: ENDPOINT, ca: 'ca.pem' },
    { endpoint: 'http://127.0.0.1:4318/v1/traces' },
    { endpoint: 'http://[::1]:4318/v1/traces', sampleRatio: 0 },
  ])('takes %j', (tracing) => {
    expect(tracingSchema.safeParse(tracing).success).toBe(true);
  });

  test.each([
    ['https without a CA', { endpoint: ENDPOINT }],
    ['plain http to another host', { endpoint: 'http://collector.example:4318/v1/traces' }],
    ['a name that says it is this host', { endpoint: 'http://localhost:4318/v1/traces' }],
    ['a CA with plain http', { endpoint: 'http://127.0.0.1:4318/', ca: 'ca.pem' }],
    ['a password in the URL', { endpoint: 'https://a:b@collector.example/', ca: 'ca.pem' }],
    ['another scheme', { endpoint: 'grpc://collector.example:4317', ca: 'ca.pem' }],
    ['more than everything', { endpoint: ENDPOINT, ca: 'ca.pem', sampleRatio: 1.1 }],
    ['a member it does not know', { endpoint: ENDPOINT, ca: 'ca.pem', sampler: 'parent' }],
  ])('refuses %s', (_, tracing) => {
    expect(tracingSchema.safeParse(tracing).success).toBe(false);
  });
});
