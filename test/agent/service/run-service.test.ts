import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runService } from '#agent/service/run-service.ts';
import type { ServiceSignal } from '#agent/service/signals.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { virtualTime } from '#test/fakes/virtual-time.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { writeAgentConfig } from '../agent-config.ts';
import { refuse, startFakeJoinService } from '../fake-join-service.ts';

const HOUR = 3_600_000;

if (!canStartSwtpm()) console.warn('SKIPPED: swtpm is not installed, so the agent’s life is not shown');

/** The agent in this process, with a real TPM emulator and a service over TLS, all in time that the test moves. */
async function startLife(swtpm: Swtpm) {
  const time = virtualTime(systemClock());
  const directory = await mkdtemp(join(tmpdir(), 'muster-life-'));
  const service = await startFakeJoinService({ now: time.now });
  const configFile = await writeAgentConfig({ directory, service, device: swtpm.address });
  const lines: string[] = [];
  let tell: (signal: ServiceSignal) => void = () => undefined;
  const running = runService(configFile, {
    ...time,
    random: systemRandom,
    say: (line) => void lines.push(line),
    environment: { notifySocket: undefined, watchdogMs: undefined, execInfo: undefined },
    signals: (listener) => {
      tell = listener;
      return { [Symbol.dispose]: () => undefined };
    },
  });
  /** Lets `stepMs` pass for each turn of the event loop, until `isSo`. */
  const passUntil = async (isSo: () => boolean, stepMs = 0): Promise<void> => {
    while (!isSo()) {
      await time.pass(stepMs);
      await setImmediate();
    }
  };
  return {
    time,
    service,
    lines,
    passUntil,
    joined: () => lines.filter((line) => line.startsWith('Joined as')).length,
    said: (text: string) => lines.some((line) => line.startsWith(text)),
    certificate: async () => new X509Certificate(await readFile(join(directory, 'credential', 'node.pem'), 'utf8')),
    async [Symbol.asyncDispose]() {
      tell('stop');
      await running;
      await service[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

describe.skipIf(!canStartSwtpm())('the life of a node', { timeout: 60_000 }, () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.stop());

  test('is a join, renewals in time, an outage, a refusal that it ages out by, and a return', async () => {
    await using life = await startLife(swtpm);
    await life.passUntil(() => life.joined() > 0);
    const serials = new Set([(await life.certificate()).serialNumber]);

    // The laboratory's certificates live for eight hours.
    for (let renewals = 1; renewals <= 3; renewals++) {
      await life.time.pass(3 * HOUR);
      expect(life.joined()).toBe(renewals);
      await life.time.pass(3 * HOUR);
      await life.passUntil(() => life.joined() > renewals, 1_000);
      serials.add((await life.certificate()).serialNumber);
    }
    expect(serials.size).toBe(4);

    const last = await life.certificate();
    life.service.faults.push(...Array.from({ length: 10_000 }, () => 'drop' as const));
    await life.passUntil(() => life.said('The join service does not answer'), 1_000);
    expect((await life.certificate()).serialNumber).toBe(last.serialNumber);
    expect(life.time.now() < last.validToDate).toBe(true);

    const refusal = refuse('evidence-rejected');
    life.service.faults.splice(0, Infinity, ...Array.from({ length: 1_000 }, () => refusal));
    await life.passUntil(() => life.said('The service refused this node (evidence-rejected)'), 1_000);
    const without = 'This node has no valid certificate: the one it has';
    await life.passUntil(() => life.said(without), 60_000);
    expect(life.time.now() >= last.validToDate).toBe(true);
    expect((await life.certificate()).serialNumber).toBe(last.serialNumber);

    life.service.faults.splice(0);
    await life.passUntil(() => life.joined() > 4, 1_000);
    expect((await life.certificate()).validToDate > life.time.now()).toBe(true);
  });

  test('goes on by itself after the machine slept past the end of its certificate', async () => {
    await using life = await startLife(swtpm);
    await life.passUntil(() => life.joined() > 0);
    const before = (await life.certificate()).serialNumber;
    await life.time.pass(60_000);
    life.time.suspend(72 * HOUR);
    await life.time.pass(10_000);
    await life.passUntil(() => life.joined() > 1, 1_000);
    expect((await life.certificate()).serialNumber).not.toBe(before);
  });
});
