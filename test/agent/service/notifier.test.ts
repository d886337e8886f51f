import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { Liveness } from '#agent/service/liveness.ts';
import { keepPinging } from '#agent/service/keep-pinging.ts';
import { openNotifier } from '#agent/service/notifier.ts';
import { startReadiness } from '#agent/service/readiness.ts';
import { virtualTime } from '#test/fakes/virtual-time.ts';

import { canReceive, receiveDatagrams } from './datagram-receiver.ts';

if (!canReceive()) console.warn('SKIPPED: python3 or systemd-notify is missing, so notification is not shown to work');

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'muster-notify-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

describe.skipIf(!canReceive())('notification', () => {
  test.each<[string, () => Promise<string>]>([
    ['a path', async () => join(await directory(), 'notify')],
    ['a name in the abstract name space', () => Promise.resolve(`@muster-test-${randomUUID()}`)],
  ])('arrives at a socket that is %s, in order and whole', async (_what, name) => {
    const address = await name();
    await using receiver = await receiveDatagrams(address);
    const said: string[] = [];
    const notifier = openNotifier({ socket: address, say: (line) => void said.push(line) });
    void notifier.notify('READY=1', 'STATUS=Certificate valid until then');
    await notifier.notify('WATCHDOG=1');
    await receiver.arrived('WATCHDOG=1');
    expect(receiver.messages).toEqual(['READY=1 STATUS=Certificate valid until then', 'WATCHDOG=1']);
    expect(said).toEqual([]);
  });

  test('says once that nobody takes it, and goes on', async () => {
    const said: string[] = [];
    const notifier = openNotifier({ socket: join(await directory(), 'none'), say: (line) => void said.push(line) });
    await notifier.notify('READY=1');
    await notifier.notify('WATCHDOG=1');
    expect(said).toEqual([expect.stringContaining('systemd-notify ended with 1')]);
  });

  test('of readiness comes with the first certificate, and no earlier', async () => {
    const address = join(await directory(), 'notify');
    await using receiver = await receiveDatagrams(address);
    const readiness = startReadiness(address, () => undefined);
    await readiness.reloading();
    readiness.report(false, 'No valid certificate: it has\nnot joined yet');
    readiness.report(true, 'Certificate valid until A');
    readiness.report(true, 'Certificate valid until A');
    await readiness.reloading();
    await readiness.reloaded();
    await readiness.stopping();
    await receiver.arrived('STOPPING=1');
    expect(receiver.messages).toEqual([
      'STATUS=No valid certificate: it has not joined yet',
      'READY=1 STATUS=Certificate valid until A',
      expect.stringMatching(/^RELOADING=1 MONOTONIC_USEC=[1-9][0-9]+$/),
      'READY=1',
      'STOPPING=1',
    ]);
  });
});

describe('notification where it cannot work', () => {
  test('is nothing without a socket', async () => {
    const said: string[] = [];
    await openNotifier({ socket: undefined, say: (line) => void said.push(line) }).notify('READY=1');
    expect(said).toEqual([]);
  });

  test('is said once where systemd-notify is missing', async () => {
    const said: string[] = [];
    const notifier = openNotifier({ socket: '/none', say: (line) => void said.push(line), path: await directory() });
    await notifier.notify('READY=1');
    await notifier.notify('WATCHDOG=1');
    expect(said).toEqual([expect.stringContaining('systemd-notify cannot be started (ENOENT)')]);
  });
});

describe('the sign of life', () => {
  /** What a service with these settings has told systemd after a time; `beat` is its one task, and 0 is no watchdog. */
  async function after(ms: number, { watchdogMs = 60_000, ready = true, beat = true } = {}) {
    const time = virtualTime(new Date(Date.UTC(2026, 10, 21)));
    const liveness = new Liveness(time.elapsedMs);
    const alive = liveness.watch('join');
    const told: string[] = [];
    const said: string[] = [];
    const stop = new AbortController();
    alive();
    const pinging = keepPinging(
      {
        notifier: { notify: (...assignments) => Promise.resolve(void told.push(...assignments)) },
        sleep: time.sleep,
        liveness,
        watchdogMs: watchdogMs === 0 ? undefined : watchdogMs,
        isReady: () => ready,
        journal: (line) => void said.push(line),
      },
      stop.signal,
    );
    for (let passed = 0; passed < ms; passed += 10_000) {
      await time.pass(10_000);
      if (beat) alive();
    }
    stop.abort();
    await pinging;
    return { told, said };
  }

  test('is given twice in the time that systemd allows', async () => {
    expect((await after(60_000, { watchdogMs: 20_000 })).told).toEqual(Array.from({ length: 7 }, () => 'WATCHDOG=1'));
  });

  test('is not given where systemd does not ask for one', async () => {
    expect((await after(3_600_000, { watchdogMs: 0 })).told).toEqual([]);
  });

  test('is a wish for more time before there is a certificate', async () => {
    const { told } = await after(60_000, { ready: false, watchdogMs: 0 });
    expect(told).toEqual(Array.from({ length: 3 }, () => 'EXTEND_TIMEOUT_USEC=120000000'));
  });

  test('ends, and is said to end, when a task gets nowhere for a quarter of an hour', async () => {
    const { told, said } = await after(3_600_000, { beat: false });
    expect(told).toHaveLength(31);
    expect(said).toEqual([expect.stringContaining('"join" gets nowhere')]);
    expect((await after(3_600_000)).told).toHaveLength(121);
  });
});
