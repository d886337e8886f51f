import { describe, expect, test } from 'vitest';

import { DependencyError } from '#core/dependency-error.ts';
import { WorkerLink } from '#services/store/sqlite/worker-link.ts';

const CRASHING = new URL('../../lab/crashing-worker.ts', import.meta.url);
const SILENT = new URL('../../lab/silent-worker.ts', import.meta.url);

describe('the link to the store’s thread', () => {
  test('rejects every pending call, and every later one, when the thread dies', async () => {
    const link = await WorkerLink.open('nowhere', CRASHING);
    const calls = [link.call('auditHead'), link.call('forgetTickets', new Date(0))];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(DependencyError) });
    }
    expect(link.failure.reason).toBeInstanceOf(DependencyError);
    await expect(link.call('auditHead')).rejects.toBe(link.failure.reason);
    await link.close();
  });

  test('rejects what is pending when the thread ends without an answer', async () => {
    const link = await WorkerLink.open('nowhere', SILENT);
    const call = link.call('auditHead');
    const closed = link.close();
    await expect(call).rejects.toThrow('the store stopped');
    await closed;
    expect(link.failure.aborted).toBe(true);
  });

  test('takes no more calls than it can keep when the thread does not answer', async () => {
    const link = await WorkerLink.open('nowhere', SILENT);
    const calls = Array.from({ length: 8_193 }, () => link.call('auditHead'));
    await expect(calls.at(-1)).rejects.toThrow('the store does not keep up');
    const outcomes = Promise.allSettled(calls);
    await link.close();
    expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('rejects when the thread cannot open the file', async () => {
    await expect(WorkerLink.open('/dev/null/muster.db')).rejects.toMatchObject({
      name: 'DependencyError',
      dependency: 'store',
      cause: { message: expect.stringContaining('/dev/null') },
    });
  });

  test('is closed once however often it is told', async () => {
    const link = await WorkerLink.open('nowhere', SILENT);
    await Promise.all([link.close(), link.close()]);
    await link.close();
    expect(link.failure.aborted).toBe(false);
    await expect(link.call('auditHead')).rejects.toThrow('the store is closed');
  });
});
