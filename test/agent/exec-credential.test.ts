import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { AgentConfig } from '#agent/config.ts';
import { credentialFile, installCredential } from '#agent/credential.ts';
import { answerExec, checkExecInfo } from '#agent/exec-credential.ts';
import { acquireJoinLock } from '#agent/join-lock.ts';
import type { NodeName } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { localSigner } from '#pki/signer-file.ts';
import { labKey, labNodeCa } from '#test/lab/node-ca.ts';

import { labAnswer, labTime } from './lab-answer.ts';

const ca = await labNodeCa();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** labAnswer's certificates are valid for five minutes before the laboratory's time and eight hours after it. */
const END = 8 * HOUR;
const MARGIN = (END + 5 * MINUTE) / 20;
const EXEC_INFO = JSON.stringify({
  apiVersion: 'client.authentication.k8s.io/v1',
  kind: 'ExecCredential',
  spec: { interactive: false, later: true },
});

let directory: string;
let said: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-exec-'));
  said = [];
});
afterEach(() => rm(directory, { recursive: true }));

/** Nobody listens at this service, and there is no TPM: whatever is answered was there. */
const config = (): AgentConfig => ({
  services: [new URL('https://127.0.0.1:1')],
  serviceCa: '',
  audience: 'x',
  claimedNodeName: 'worker-7' as NodeName,
  credentialDirectory: directory,
  kubeconfigFile: join(directory, 'kubelet.conf'),
  credentials: { kind: 'files' },
  nodeCa: undefined,
  kubeletConfigFile: '/none',
  tpm: { device: '/dev/no-such-tpm', ekPreference: ['p-256'], eventLogFile: '/none', imaLogFile: '/none' },
  wait: { totalSeconds: 1, spreadFirstSeconds: 0 },
});

/** The plugin's answer at `ms` from the laboratory's time. */
async function answerAt(ms: number, execInfo: string | undefined = EXEC_INFO) {
  let elapsedMs = 0;
  const text = await answerExec(config(), {
    now: () => labTime(ms),
    elapsedMs: () => elapsedMs,
    random: systemRandom,
    sleep: (wait) => Promise.resolve(void (elapsedMs += wait)),
    say: (line) => void said.push(line),
    environment: { execInfo },
  });
  return JSON.parse(text) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly status: Readonly<Record<'expirationTimestamp' | 'clientCertificateData' | 'clientKeyData', string>>;
  };
}

async function install(): Promise<void> {
  const key = labKey();
  const { certificate } = await labAnswer(ca.issuing, { spki: localSigner(key).spki });
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  await installCredential(directory, { keyPem, chainPem: certificate.chainPem }, { random: systemRandom });
}

const expires = async (ms: number) =>
  Date.parse((await answerAt(ms)).status.expirationTimestamp) - labTime(0).getTime();

describe('the credential plugin', () => {
  test('answers with the pair on the disk, which needs neither the service nor the TPM', async () => {
    await install();
    const { apiVersion, kind, status } = await answerAt(0);
    expect({ apiVersion, kind }).toEqual({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' });
    const certificate = new X509Certificate(status.clientCertificateData);
    expect(certificate.checkPrivateKey(createPrivateKey(status.clientKeyData))).toBe(true);
    expect(status.clientCertificateData.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(said).toEqual([]);
  });

  test('is asked again in five minutes, and always before the certificate ends', async () => {
    await install();
    expect(await expires(0)).toBe(5 * MINUTE);
    expect(await expires(END - MARGIN - MINUTE)).toBe(END - MARGIN);
  });

  test('answers with a certificate in its last minutes where it can get no other, and says why', async () => {
    await install();
    expect(await expires(END - 10 * MINUTE)).toBe(END - 10 * MINUTE + 30_000);
    expect(await expires(END - 5_000)).toBe(END - 1_000);
    expect(said).toContainEqual(expect.stringContaining('There is no TPM'));
    expect(said.at(-1)).toBe(
      `The certificate at hand is answered with: it is valid until ${labTime(END).toISOString()}.`,
    );
  });

  test.each<[string, number, () => Promise<void>]>([
    ['has expired', END, install],
    ['is not valid yet', -11 * MINUTE, install],
    [
      'was open to others',
      0,
      async () => {
        await install();
        await chmod(credentialFile(directory), 0o640);
      },
    ],
    ['is not there', 0, () => Promise.resolve()],
  ])('never answers with a certificate that %s', async (_what, ms, prepare) => {
    await prepare();
    await expect(answerAt(ms)).rejects.toMatchObject({ exitCode: 69 });
  });

  test('waits for another agent that joins, and takes what that one got', async () => {
    const deps = { sleep: () => Promise.resolve(), elapsedMs: () => 0, progress: () => undefined };
    using _ = await acquireJoinLock({ directory, waitSeconds: 0 }, deps);
    const answer = answerExec(config(), {
      now: () => labTime(0),
      elapsedMs: () => 0,
      random: systemRandom,
      sleep: () => install(),
      say: (line) => void said.push(line),
      environment: { execInfo: EXEC_INFO },
    });
    expect(await answer).toContain('clientKeyData');
    expect(said).toEqual(['Another muster-agent on this machine is joining; waiting for it.']);
  });

  test('ends with "later" when another agent joins for longer than it may wait', async () => {
    const deps = { sleep: () => Promise.resolve(), elapsedMs: () => 0, progress: () => undefined };
    using _ = await acquireJoinLock({ directory, waitSeconds: 0 }, deps);
    await expect(answerAt(0)).rejects.toMatchObject({ exitCode: 75 });
  });
});

describe('what a client tells its plugin', () => {
  test('is enough when it is the version that is answered in', () => {
    expect(() => checkExecInfo(EXEC_INFO)).not.toThrow();
  });

  test.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['an older version', EXEC_INFO.replace('/v1"', '/v1beta1"')],
    ['another kind', EXEC_INFO.replace('ExecCredential', 'Config')],
    ['no version', '{"kind":"ExecCredential"}'],
    ['no JSON', 'apiVersion: client.authentication.k8s.io/v1'],
    ['too much', EXEC_INFO.padEnd(300_000)],
  ])('is not enough when it is %s', (_what, text) => {
    expect(() => checkExecInfo(text)).toThrow(expect.objectContaining({ exitCode: 78 }));
  });

  test('decides before a key is shown to anybody', async () => {
    await install();
    await expect(answerAt(0, '{}')).rejects.toMatchObject({ exitCode: 78 });
  });
});
