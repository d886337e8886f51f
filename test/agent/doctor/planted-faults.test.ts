import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { runAgent } from '#agent/run.ts';
import { deviceErrorOf } from '#agent/tpm/device-error.ts';
import { explainError } from '#agent/explain.ts';
import { openTpm } from '#agent/tpm/device.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { writeAgentConfig } from '../agent-config.ts';
import { type FakeJoinService, startFakeJoinService } from '../fake-join-service.ts';

const YEAR_MS = 365 * 86_400_000;

/** What is wrong with the machine: its configuration, its clock, or something that is done before the look. */
interface Plant {
  readonly config?: object;
  readonly clockOffMs?: number;
}

describe.skipIf(!canStartSwtpm())('of a machine with one fault, the doctor says what it is and what to do', () => {
  let swtpm: Swtpm;
  let bare: Swtpm;
  let service: FakeJoinService;
  let strangerCa: string;
  let directory: string;
  const home = (name: string): string => join(directory, name);

  beforeAll(async () => {
    swtpm = await startSwtpm();
    bare = await startSwtpm({ ekTypes: [] });
    service = await startFakeJoinService();
    const { management } = await labNodeCa({ now: systemClock() });
    strangerCa = certificatePem(management.certificate);
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'muster-fault-'));
    await mkdir(home('credential'), { mode: 0o700 });
    await writeFile(home('event-log'), 'an event');
    await writeFile(home('kubelet.yaml'), 'kind: KubeletConfiguration\nrotateCertificates: false\n');
    return () => rm(directory, { recursive: true });
  });
  afterAll(async () => {
    await swtpm.stop();
    await bare.stop();
    await service[Symbol.asyncDispose]();
  });

  async function examine({ config = {}, clockOffMs = 0 }: Plant) {
    let stdout = '';
    const tpm = { device: swtpm.address, eventLogFile: home('event-log'), imaLogFile: home('no-ima-log') };
    const file = await writeAgentConfig({ directory, service, device: swtpm.address }, { tpm, ...config });
    const code = await runAgent(['doctor', '-o', 'json', '--config', file], {
      now: () => new Date(systemClock().getTime() + clockOffMs),
      elapsedMs: () => performance.now(),
      random: systemRandom,
      sleep: () => Promise.resolve(),
      print: (text) => void (stdout += text),
      say: () => undefined,
      environment: { notifySocket: undefined, watchdogMs: undefined, execInfo: undefined },
      signals: () => ({ [Symbol.dispose]: () => undefined }),
    });
    const { checks } = JSON.parse(stdout) as {
      checks: { name: string; status: string; finding: string; advice: string }[];
    };
    return { code, found: checks.filter(({ status }) => status !== 'ok') };
  }

  const tpmAt = (override: object) => ({
    tpm: { device: swtpm.address, eventLogFile: home('event-log'), imaLogFile: home('no-ima-log'), ...override },
  });

  test('nothing, where there is none', async () => {
    expect(await examine({})).toEqual({ code: 0, found: [] });
  });

  test.each<[fault: string, name: string, advice: string, plant: () => Plant | Promise<Plant>]>([
    ['no TPM', 'tpm device', 'firmware settings', () => ({ config: tpmAt({ device: home('no-tpm') }) })],
    ['no EK certificate', 'ek certificate', 'enrolled by its EK', () => ({ config: tpmAt({ device: bare.address }) })],
    ['a clock that is a year behind', 'clock', 'NTP', () => ({ clockOffMs: -YEAR_MS })],
    ['a clock that is a year ahead', 'clock', 'NTP', () => ({ clockOffMs: YEAR_MS })],
    [
      'another CA',
      'tls',
      'compare serviceCaFile',
      async () => {
        await writeFile(home('stranger.pem'), strangerCa);
        return { config: { serviceCaFile: home('stranger.pem') } };
      },
    ],
    ['a closed port', 'port', 'firewalls', () => ({ config: { services: ['https://127.0.0.1:1'] } })],
    [
      'a key directory that is open to all',
      'credential directory',
      'chmod 700',
      async () => {
        await mkdir(home('open'), { mode: 0o755 });
        return { config: { credentialDirectory: home('open') } };
      },
    ],
    [
      'an event log that cannot be read',
      'event log',
      'run the agent as root',
      () => ({ config: tpmAt({ eventLogFile: directory }) }),
    ],
    ['no event log', 'event log', 'Secure Boot on', () => ({ config: tpmAt({ eventLogFile: home('none') }) })],
    [
      'a kubelet that rotates its certificate',
      'kubelet',
      'rotateCertificates: false',
      async () => {
        await writeFile(home('kubelet.yaml'), 'rotateCertificates: true\n');
        return {};
      },
    ],
  ])('%s', async (_fault, name, advice, plant) => {
    const { found } = await examine(await plant());
    expect(found.map((check) => check.name.split(' 127')[0])).toEqual([name]);
    expect(found[0]?.advice).toContain(advice);
    expect(found[0]?.advice).not.toContain('. ');
  });

  test('a clock’s error by its size', async () => {
    const { found } = await examine({ clockOffMs: -YEAR_MS });
    expect(found[0]?.finding).toBe('365 days behind the service’s');
  });

  test('a TPM that another process holds', async () => {
    await using holder = await openTpm(swtpm.address);
    await swtpmBusy(holder);
    const { found } = await examine({});
    expect(found.map(({ name }) => name)).toEqual(['tpm answers']);
    expect(found[0]?.advice).toContain('another program holds it');
  }, 30_000);
});

/** One command, so that the software TPM has taken this connection; it takes no second one. */
async function swtpmBusy(tpm: Awaited<ReturnType<typeof openTpm>>): Promise<void> {
  await tpm.transmit(Uint8Array.of(0x80, 0x01, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0, 0, 0, 6, 0, 0, 1, 5, 0, 0, 0, 1));
}

test('a TPM device that the kernel calls busy is held by another program', () => {
  const { message } = explainError(deviceErrorOf('/dev/tpm0', Object.assign(new Error('EBUSY'), { code: 'EBUSY' })));
  expect(message).toMatch(/^Another program holds the TPM at \/dev\/tpm0: stop that program/);
});
