import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { examine, renderChecks } from '#agent/doctor.ts';
import type { Check } from '#agent/doctor/check.ts';
import { checkFiles } from '#agent/doctor/check-files.ts';
import { checkService, describeClock } from '#agent/doctor/check-service.ts';
import { checkTpm, describeCertificates } from '#agent/doctor/check-tpm.ts';
import { systemClock } from '#core/clock.ts';
import type { NodeName } from '#core/ids.ts';
import { localSigner } from '#pki/signer-file.ts';
import { LAB_NOW, labKey, labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { type FakeJoinService, startFakeJoinService } from './fake-join-service.ts';
import { labAnswer } from './lab-answer.ts';
import { handlesInUse } from './tpm/handles.ts';

const summary = (checks: readonly Check[]) => Object.fromEntries(checks.map(({ name, status }) => [name, status]));
const failures = (checks: readonly Check[]) => checks.filter(({ status }) => status !== 'ok');
const tpmConfig = (device: string) => ({
  device,
  ekPreference: ['rsa-2048', 'p-256'] as const,
  eventLogFile: '/none',
  imaLogFile: '/none',
});

describe('what the doctor says of the files', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'muster-doctor-'));
    await mkdir(join(directory, 'credential'), { mode: 0o700 });
  });
  afterEach(() => rm(directory, { recursive: true }));

  const files = (override = {}) =>
    checkFiles(
      {
        credentialDirectory: join(directory, 'credential'),
        kubeconfigFile: join(directory, 'kubelet.conf'),
        kubeletConfigFile: join(directory, 'kubelet.yaml'),
        ...override,
      },
      LAB_NOW,
    );

  async function credential(own: boolean): Promise<string> {
    const [key, other] = [labKey(), labKey()];
    const { certificate } = await labAnswer((await labNodeCa()).issuing, { spki: localSigner(own ? key : other).spki });
    return certificate.chainPem + key.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  test('before the first join is that all is well', async () => {
    expect(failures(await files())).toEqual([]);
  });

  test('after a join is how long the certificate lasts', async () => {
    await writeFile(join(directory, 'credential', 'node.pem'), await credential(true), { mode: 0o600 });
    await writeFile(join(directory, 'kubelet.yaml'), 'kind: KubeletConfiguration\nrotateCertificates: false\n');
    const checks = await files();
    expect(failures(checks)).toEqual([]);
    expect(checks.map(({ finding }) => finding).join()).toContain('valid until 2026-11-21T18:00:00.000Z');
  });

  test.each<[string, string, string, () => Promise<object | void>]>([
    ['credential directory', 'warn', 'is open to others', () => chmod(join(directory, 'credential'), 0o755)],
    ['credential directory', 'fail', 'is a file', async () => ({ credentialDirectory: join(await touch('file')) })],
    ['credential', 'fail', 'is open to others', async () => void (await touch('credential/node.pem', 0o644))],
    ['credential', 'fail', 'is not a credential', async () => void (await touch('credential/node.pem'))],
    [
      'credential',
      'fail',
      'is half of one and half of another',
      async () => writeFile(join(directory, 'credential/node.pem'), await credential(false), { mode: 0o600 }),
    ],
    [
      'kubeconfig',
      'fail',
      'cannot be written',
      async () => ({ kubeconfigFile: join(await touch('file'), 'kubelet.conf') }),
    ],
    [
      'kubelet',
      'fail',
      'rotates certificates',
      () => writeFile(join(directory, 'kubelet.yaml'), 'rotateCertificates: true\n'),
    ],
    [
      'kubelet',
      'warn',
      'cannot be understood',
      () => writeFile(join(directory, 'kubelet.yaml'), 'rotateCertificates: [\n'),
    ],
  ])('finds, for the %s, %s when it %s', async (name, status, _what, prepare) => {
    const override = (await prepare()) ?? {};
    const found = failures(await files(override));
    expect(found).toMatchObject([{ name, status }]);
    expect(found[0]?.advice).not.toBe('');
  });

  async function touch(name: string, mode = 0o600): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, 'hello', { mode });
    await chmod(path, mode);
    return path;
  }
});

describe('what the doctor says of the service', () => {
  let service: FakeJoinService;
  beforeAll(async () => {
    service = await startFakeJoinService();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const shift = (seconds: number) => () => new Date(systemClock().getTime() + seconds * 1_000);

  test('that answers is: name, port, TLS and clock are in order', async () => {
    const checks = await checkService(service.url, { serviceCa: service.caPem }, systemClock);
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  test('is by how much this machine’s clock is off', async () => {
    const checks = await checkService(service.url, { serviceCa: service.caPem }, shift(-4_000));
    expect(checks.at(-1)).toMatchObject({ name: 'clock', status: 'fail' });
    expect(checks.at(-1)?.finding).toMatch(/^(?:3999|4000|4001) s behind/);
  });

  test('is which stage fails', async () => {
    const stage = async (url: string, serviceCa = service.caPem) =>
      (await checkService(new URL(url), { serviceCa }, systemClock))
        .filter(({ status }) => status === 'fail')
        .map(({ name }) => name.split(' ')[0]);
    const { management } = await labNodeCa({ now: systemClock() });
    expect(await stage('https://no-such-host.invalid:7443')).toEqual(['name']);
    expect(await stage('https://127.0.0.1:1')).toEqual(['port']);
    expect(await stage(service.url.href, certificatePem(management.certificate))).toEqual(['tls']);
    expect(await stage(service.url.href.replace('127.0.0.1', '127.0.0.2'))).not.toEqual([]);
  });

  test.each([
    [0, 'ok', 'the same'],
    [2, 'ok', 'the same'],
    [-90, 'warn', '90 s behind'],
    [300, 'warn', '300 s ahead'],
    [301, 'fail', '301 s ahead'],
    [-7_200, 'fail', '2 h behind'],
    [-31_536_000, 'fail', '365 days behind'],
  ])('is, of a clock off by %s s, %s', (seconds, status, finding) => {
    const check = describeClock(LAB_NOW, new Date(LAB_NOW.getTime() + seconds * 1_000));
    expect(check.status).toBe(status);
    expect(check.finding).toContain(finding);
  });
});

describe('what the doctor says of a TPM', () => {
  test('that is not there is one failure, with what to do', async () => {
    const checks = await checkTpm(tpmConfig('/dev/no-such-tpm'));
    expect(checks).toMatchObject([{ name: 'tpm device', status: 'fail' }]);
    expect(checks[0]?.advice).toContain('firmware settings');
  });

  test('without a certificate, or with one that is none, is a warning', () => {
    expect(describeCertificates([])).toMatchObject({ status: 'warn' });
    const malformed = { type: 'p-256', template: 'L-2', index: 0x01c0000a, status: 'malformed', reason: 'x' } as const;
    expect(describeCertificates([malformed])).toMatchObject({ status: 'warn' });
    const unreadable = { ...malformed, status: 'found', certificate: Buffer.of(0x30, 0) } as const;
    expect(describeCertificates([unreadable])).toMatchObject({ status: 'warn' });
  });
});

async function aLog(directory: string): Promise<string> {
  const file = join(directory, 'event-log');
  await writeFile(file, 'an event');
  return file;
}

describe.skipIf(!canStartSwtpm())('the doctor on a machine with a TPM', () => {
  let swtpm: Swtpm;
  let service: FakeJoinService;
  beforeAll(async () => {
    swtpm = await startSwtpm();
    service = await startFakeJoinService();
  });
  afterAll(async () => {
    await swtpm.stop();
    await service[Symbol.asyncDispose]();
  });

  test('finds everything in order, says so, and leaves the TPM as it was', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'muster-doctor-'));
    const checks = await examine(
      {
        services: [service.url],
        serviceCa: service.caPem,
        audience: 'join.lab.example',
        claimedNodeName: 'worker-7' as NodeName,
        credentialDirectory: join(directory, 'credential'),
        kubeconfigFile: join(directory, 'kubelet.conf'),
        credentials: { kind: 'files' },
        nodeCa: undefined,
        kubeletConfigFile: join(directory, 'kubelet.yaml'),
        tpm: { ...tpmConfig(swtpm.address), eventLogFile: await aLog(directory) },
        wait: { totalSeconds: 1, spreadFirstSeconds: 0 },
      },
      systemClock,
    );
    await rm(directory, { recursive: true });
    expect(failures(checks)).toEqual([]);
    expect(summary(checks)).toMatchObject({
      'tpm device': 'ok',
      'tpm answers': 'ok',
      'ek certificate': 'ok',
      'tpm keys': 'ok',
      clock: 'ok',
    });
    const text = renderChecks(checks);
    expect(text).toContain('a TPM 2.0 by IBM');
    expect(text.split('\n')).toHaveLength(checks.length + 1);
    expect(await swtpm.using(handlesInUse)).toEqual([]);
  });
});
