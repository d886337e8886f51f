import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { ConfigError, loadConfig } from '#agent/config.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

let directory: string;
let caFile: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-config-'));
  caFile = join(directory, 'ca.pem');
  await writeFile(caFile, certificatePem((await labNodeCa()).management.certificate));
  await writeFile(join(directory, 'not-a-ca.pem'), 'hello');
});
afterAll(() => rm(directory, { recursive: true }));

const minimal = () => ({
  apiVersion: 'muster/v1',
  kind: 'AgentConfig',
  services: ['https://join.example:7443'],
  serviceCaFile: caFile,
  audience: 'join.example',
  nodeName: 'worker-7',
});

async function load(document: object | string) {
  const file = join(directory, 'agent.yaml');
  await writeFile(file, typeof document === 'string' ? document : stringify(document));
  return loadConfig(file);
}

async function problemsOf(document: object | string): Promise<readonly string[]> {
  try {
    await load(document);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('an agent’s configuration', () => {
  test('has defaults for everything that does not decide whom to trust', async () => {
    const config = await load(minimal());
    expect(config).toMatchObject({
      audience: 'join.example',
      claimedNodeName: 'worker-7',
      nodeCa: undefined,
      credentialDirectory: '/run/muster-agent',
      kubeconfigFile: '/etc/kubernetes/kubelet.conf',
      credentials: { kind: 'files' },
      tpm: { device: '/dev/tpmrm0', ekPreference: ['rsa-2048', 'p-256', 'p-384'] },
      wait: { totalSeconds: 900, spreadFirstSeconds: 0 },
    });
    expect(config.services.map(String)).toEqual(['https://join.example:7443/']);
  });

  test('takes the host name in lower case where no name is given, if it is a node name', async () => {
    const { nodeName: _, ...unnamed } = minimal();
    const file = join(directory, 'unnamed.yaml');
    await writeFile(file, stringify(unnamed));
    expect((await loadConfig(file, 'Rack-3.Example')).claimedNodeName).toBe('rack-3.example');
    await expect(loadConfig(file, 'my_machine')).rejects.toThrow('my_machine');
  });

  test('takes every setting there is', async () => {
    const config = await load({
      ...minimal(),
      services: ['https://10.0.0.1:7443', 'https://[2001:db8::1]'],
      nodeCaFile: caFile,
      credentialDirectory: '/srv/credential',
      kubeconfigFile: '/srv/kubeconfig',
      credentials: 'plugin',
      pluginCommand: '/opt/muster-agent',
      kubeletConfigFile: '/srv/kubelet.yaml',
      tpm: { device: 'swtpm:unix:/run/tpm', ekPreference: ['p-384'], eventLogFile: '/srv/e', imaLogFile: '/srv/i' },
      wait: { total: '2h', spreadFirst: '30s' },
    });
    expect(config.nodeCa).toHaveLength(1);
    expect(config.credentials).toEqual({
      kind: 'plugin',
      command: '/opt/muster-agent',
      configFile: expect.stringMatching(/^\/.*\.yaml$/),
    });
    expect(config.wait).toEqual({ totalSeconds: 7_200, spreadFirstSeconds: 30 });
    expect(config.tpm.ekPreference).toEqual(['p-384']);
  });

  test.each<[string, object, string]>([
    ['a misspelt setting', { audiense: 'x' }, 'audiense'],
    ['a misspelt setting of the TPM', { tpm: { devise: '/dev/tpm0' } }, 'devise'],
    ['a service without TLS', { services: ['http://join.example'] }, 'services.0'],
    ['a service with a path', { services: ['https://join.example/v1'] }, 'services.0'],
    ['a service with a password', { services: ['https://me:x@join.example'] }, 'services.0'],
    ['no service', { services: [] }, 'services'],
    ['an empty audience', { audience: '' }, 'audience'],
    ['a relative path', { credentialDirectory: 'credential' }, 'credentialDirectory'],
    ['a TPM that is no address', { tpm: { device: 'tpm0' } }, 'tpm.device'],
    ['an EK type that there is not', { tpm: { ekPreference: ['rsa-1024'] } }, 'tpm.ekPreference'],
    ['an EK type twice', { tpm: { ekPreference: ['p-256', 'p-256'] } }, 'tpm.ekPreference'],
    ['no EK type', { tpm: { ekPreference: [] } }, 'tpm.ekPreference'],
    ['no time to join in', { wait: { total: '0s' } }, 'wait.total'],
    ['a third way to a credential', { credentials: 'proxy' }, 'credentials'],
    ['a plugin that is looked for', { pluginCommand: 'muster-agent' }, 'pluginCommand'],
    ['a time without a unit', { wait: { total: '10' } }, 'wait.total'],
    ['a node name in capitals', { nodeName: 'Worker-7' }, 'nodeName'],
    ['a node name that no certificate holds', { nodeName: 'a'.repeat(53) }, 'nodeName'],
    ['a CA file that is not there', { serviceCaFile: '/does/not/exist' }, 'ENOENT'],
    ['a kind that is not an agent’s', { kind: 'ServerConfig' }, 'kind'],
  ])('is refused with %s', async (_what, wrong, where) => {
    const problems = await problemsOf({ ...minimal(), ...wrong });
    expect(problems.join('\n')).toContain(where);
  });

  test('is refused with a CA file that holds no certificate', async () => {
    const problems = await problemsOf({ ...minimal(), nodeCaFile: join(directory, 'not-a-ca.pem') });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('nodeCaFile');
  });

  test.each(['apiVersion', 'kind', 'services', 'serviceCaFile', 'audience'])(
    'is refused without %s',
    async (member) => {
      const { [member]: _, ...rest }: Record<string, unknown> = minimal();
      expect((await problemsOf(rest)).join()).toContain(member);
    },
  );

  test('shows all its problems at once', async () => {
    const problems = await problemsOf({
      ...minimal(),
      services: [],
      audience: '',
      colour: 'red',
      wait: { total: 'soon' },
    });
    expect(problems).toHaveLength(4);
    expect(await problemsOf({ ...minimal(), serviceCaFile: '/no', nodeCaFile: '/no', nodeName: 'A' })).toHaveLength(3);
  });

  test.each<[string, string]>([
    ['not YAML', 'services: [\n'],
    ['a list', '- services\n'],
    ['nothing', ''],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a setting twice', 'audience: a\naudience: b\n'],
    ['an alias', 'a: &x 1\nb: *x\n'],
    ['a tag', 'audience: !!js/function x\n'],
  ])('is refused when it is %s', async (_what, text) => {
    expect(await problemsOf(text)).not.toEqual([]);
  });

  test('is refused when it is not there', async () => {
    await expect(loadConfig(join(directory, 'none.yaml'))).rejects.toMatchObject({ name: 'ConfigError' });
  });

  test('has no trace unless it is asked for, and a collector only with the CA that it is known by', async () => {
    expect((await load(minimal())).tracing).toBeUndefined();
    expect((await load({ ...minimal(), tracing: {} })).tracing).toEqual({ collector: undefined });
    const endpoint = 'https://collector.example:4318/v1/traces';
    const { tracing } = await load({ ...minimal(), tracing: { endpoint, caFile } });
    expect(tracing?.collector?.endpoint.href).toBe(endpoint);
    expect(tracing?.collector?.ca).toContain('BEGIN CERTIFICATE');
  });

  test.each([
    ['a collector without a CA', { endpoint: 'https://collector.example/v1/traces' }, /go together/],
    ['a CA without a collector', { caFile: '/dev/null' }, /go together/],
    ['a collector that anybody could be', { endpoint: 'http://127.0.0.1/v1/traces', caFile: '/dev/null' }, /https/],
    ['a file that is no CA', { endpoint: 'https://collector.example/', caFile: '/dev/null' }, /tracing\.caFile/],
    ['a sample ratio', { sampleRatio: 1 }, /unknown: sampleRatio/],
  ])('is refused with %s', async (_, tracing, problem) => {
    expect(await problemsOf({ ...minimal(), tracing })).toEqual([expect.stringMatching(problem)]);
  });
});
