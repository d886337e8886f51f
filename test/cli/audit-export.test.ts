import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { exportStatusPageSchema } from '#protocol/audit-export.ts';

import { type Desk, openDesk } from './administrator-desk.ts';

const PATIENT = { timeout: 10_000 };
const STATUS = ['audit', 'export', 'status'];

describe('muster audit export status', () => {
  let folder: string;
  let desk: Desk;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'muster-export-'));
    const destinations = [
      { name: 'archive', kind: 'file', path: join(folder, 'audit.ndjson') },
      { name: 'nowhere', kind: 'file', path: join(folder, 'missing', 'audit.ndjson') },
    ];
    desk = await openDesk({ configure: { audit: { export: destinations } } });
  });
  afterAll(async () => {
    await desk[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('says how far each destination is, and why one is not', async () => {
    const said = async (): Promise<string> => (await desk.muster(STATUS)).out;
    await expect
      .poll(said, PATIENT)
      .toMatch(/^nowhere\s+file\s+\S+\s+0\s+-\s+[1-9]\d*\s+\d+ s\s+failing\s+ENOENT.*, since 2/m);
    await expect
      .poll(said, PATIENT)
      .toMatch(/^archive\s+file\s+\S+audit\.ndjson\s+[1-9]\d*\s+2\S+ \S+Z\s+0\s+-\s+delivering\s+-$/m);
    const { out: json } = await desk.muster([...STATUS, '-o', 'json']);
    expect(exportStatusPageSchema.parse(JSON.parse(json)).destinations).toMatchObject([
      { name: 'archive', kind: 'file' },
      { name: 'nowhere', delivered: 0, state: 'failing', failure: { kind: 'storage' } },
    ]);
  });

  test('is for those who may read the log', async () => {
    expect((await desk.muster(STATUS, { role: 'operator' })).exitCode).toBe(77);
    expect((await desk.muster(STATUS, { role: 'auditor' })).exitCode).toBe(0);
  });
});
