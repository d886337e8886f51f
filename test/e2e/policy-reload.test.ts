import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { auditPageSchema } from '#protocol/audit.ts';
import { policySummarySchema } from '#protocol/inventory.ts';
import { type LiveService, liveService } from '#test/lab/live-service.ts';

let live: LiveService;
beforeAll(async () => {
  live = await liveService();
}, 60_000);
afterAll(() => live[Symbol.asyncDispose]());

const WITHIN_MS = 10_000;
const file = (): string => join(live.folder, 'muster/policy.yaml');
const change = (before: string, after: string): void =>
  writeFileSync(
    file(),
    readFileSync(file(), 'utf8').replace(before, () => after),
  );
const muster = (...args: readonly string[]) => live.muster('--context-file', 'muster/cli.yaml', ...args);

async function records(type: string) {
  const { out } = await muster('audit', 'tail', '-n', '200', '-o', 'json');
  return auditPageSchema.parse(JSON.parse(out)).records.filter((record) => record.type === type);
}

/** Sends SIGHUP and waits for the audit record that ends the reload. */
async function reload(type: string) {
  const before = (await records(type)).length;
  process.kill(live.pid(), 'SIGHUP');
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const now = await records(type);
    if (now.length > before) return now.at(-1);
    if (performance.now() > deadline) throw new Error(`no ${type} after SIGHUP`);
  }
}

const status = async () => {
  const { out, exitCode } = await muster('policy', 'status', '-o', 'json');
  return { exitCode, summary: policySummarySchema.parse(JSON.parse(out)) };
};

describe('the running service, on SIGHUP,', { timeout: 60_000 }, () => {
  test('takes a new policy, and that is on record', async () => {
    const before = await status();
    change('certificateTtl: 8h', 'certificateTtl: 2h');
    const record = await reload('policy.loaded');
    const after = await status();
    expect(after.exitCode).toBe(0);
    expect(after.summary.version).not.toBe(before.summary.version);
    expect(after.summary.pools[0]?.certificateTtlSeconds).toBe(7_200);
    expect(record?.facts).toMatchObject({ policyVersion: after.summary.version });
  });

  test('refuses a policy with a mistake whole, says where it is, and keeps the last good one', async () => {
    const before = await status();
    change('protectionRating: default', 'protectionRating: high');
    change('certificateTtl: 2h', 'certificateTtl: 4h');
    const record = await reload('policy.refused');
    const after = await status();
    expect(after.exitCode).toBe(1);
    expect(after.summary).toMatchObject({ version: before.summary.version, loadedAt: before.summary.loadedAt });
    expect(after.summary.pools[0]?.certificateTtlSeconds).toBe(7_200);
    expect(after.summary.lastError?.problems).toEqual([
      expect.stringMatching(/policy\.yaml:\d+: pools\.general\.protectionRating: .*"default"/),
    ]);
    expect(record?.facts).toMatchObject({
      policyVersion: before.summary.version,
      problemCount: 1,
      problems: after.summary.lastError?.problems,
    });
    expect((await muster('policy', 'status')).out).toContain('this policy stays in force');
  });

  test('takes the policy once the mistake is mended', async () => {
    change('protectionRating: high', 'protectionRating: default');
    await reload('policy.loaded');
    const { exitCode, summary } = await status();
    expect(exitCode).toBe(0);
    expect(summary.lastError).toBeUndefined();
    expect(summary.pools[0]?.certificateTtlSeconds).toBe(14_400);
  });
});
