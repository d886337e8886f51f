import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

import { checkCluster, renderKubeconfig, writeKubeconfig } from '#agent/kubeconfig.ts';
import { systemRandom } from '#core/random.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

const { root } = await labNodeCa();
const caPem = certificatePem(root.certificate);
const kubernetes = { apiServer: 'https://[2001:db8::1]:6443', caPem, nodeLabels: {}, registerWithTaints: [] };
const node = { id: 'x', name: 'worker-7', pool: 'general', protectionRating: 'default' };

const inFiles = (credentialFile: string) => ({ delivery: { kind: 'files' }, credentialFile }) as const;

describe('the kubelet’s kubeconfig', () => {
  test('names one file as key and certificate, and the cluster that the answer names', () => {
    expect(parse(renderKubeconfig({ node, kubernetes }, inFiles('/var/lib/muster/credential/node.pem')))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'muster',
          cluster: {
            server: 'https://[2001:db8::1]:6443',
            'certificate-authority-data': Buffer.from(caPem).toString('base64'),
          },
        },
      ],
      users: [
        {
          name: 'system:node:worker-7',
          user: {
            'client-certificate': '/var/lib/muster/credential/node.pem',
            'client-key': '/var/lib/muster/credential/node.pem',
          },
        },
      ],
      contexts: [{ name: 'muster', context: { cluster: 'muster', user: 'system:node:worker-7' } }],
      'current-context': 'muster',
    });
  });

  test('names the agent as the plugin that has key and certificate, and neither of them', () => {
    const delivery = { kind: 'plugin', command: '/opt/muster-agent', configFile: '/etc/muster/agent.yaml' } as const;
    const text = renderKubeconfig({ node, kubernetes }, { delivery, credentialFile: '/srv/node.pem' });
    expect(parse(text)).toMatchObject({
      users: [
        {
          name: 'system:node:worker-7',
          user: {
            exec: {
              apiVersion: 'client.authentication.k8s.io/v1',
              command: '/opt/muster-agent',
              args: ['credential', '--config', '/etc/muster/agent.yaml'],
              interactiveMode: 'Never',
              provideClusterInfo: false,
            },
          },
        },
      ],
    });
    expect(text).not.toContain('node.pem');
  });

  test('keeps a path with a colon and spaces whole', () => {
    const text = renderKubeconfig({ node, kubernetes }, inFiles('/srv/a: b #c/node.pem'));
    expect(text).toContain('"/srv/a: b #c/node.pem"');
  });

  test('is written for its owner alone, over what was there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'muster-kubeconfig-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, 'kubelet.conf');
    await writeFile(file, 'old', { mode: 0o644 });
    await writeKubeconfig(file, 'new\n', { random: systemRandom });
    expect(await readFile(file, 'utf8')).toBe('new\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });
});

describe('a cluster in an answer', () => {
  test.each<[string, Partial<typeof kubernetes>]>([
    ['an https URL and a CA', {}],
    ['two CAs', { caPem: caPem + caPem }],
  ])('is usable with %s', (_what, change) => {
    expect(checkCluster({ ...kubernetes, ...change })).toEqual({ ok: true });
  });

  test.each<[string, Partial<typeof kubernetes>]>([
    ['a URL without TLS', { apiServer: 'http://api:6443' }],
    ['no URL', { apiServer: 'api:6443' }],
    ['a password in its URL', { apiServer: 'https://me:secret@api:6443' }],
    ['no CA', { caPem: '' }],
    ['something else than a CA', { caPem: caPem.replaceAll('CERTIFICATE', 'PUBLIC KEY') }],
  ])('is not usable with %s', (_what, change) => {
    expect(checkCluster({ ...kubernetes, ...change }).ok).toBe(false);
  });
});
