import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { agentConfigSchema } from '#agent/config.ts';
import { renderIgnition } from '#scripts/packages/render-ignition.ts';

const USER_DATA = 'deploy/cloud-init/user-data.yaml';

function hasCloudInit(): boolean {
  const isThere = spawnSync('cloud-init', ['--version']).status === 0;
  if (!isThere)
    console.warn(
      'SKIPPED: no cloud-init on this machine (Debian: apt-get install cloud-init), so its schema is not asked',
    );
  return isThere;
}

const userData = z.strictObject({
  write_files: z.array(
    z.strictObject({ path: z.string(), owner: z.literal('root:root'), permissions: z.string(), content: z.string() }),
  ),
  runcmd: z.array(z.array(z.string())),
});

describe('the user-data for cloud-init', () => {
  const document = userData.parse(parse(readFileSync(USER_DATA, 'utf8')));

  test.skipIf(!hasCloudInit())('is what cloud-init’s own schema asks for', () => {
    const { status, stdout, stderr } = spawnSync('cloud-init', ['schema', '-c', USER_DATA], { encoding: 'utf8' });
    expect(stdout + stderr).toContain('Valid');
    expect(status).toBe(0);
  });

  test('carries a configuration that the agent takes, and the CAs that it names', () => {
    const files = new Map(document.write_files.map((file) => [file.path, file]));
    const config = agentConfigSchema.parse(parse(files.get('/etc/muster/agent.yaml')?.content ?? ''));
    expect([...files.keys()].toSorted()).toEqual(
      ['/etc/muster/agent.yaml', config.nodeCaFile ?? '', config.serviceCaFile].toSorted(),
    );
    expect(files.get('/etc/muster/agent.yaml')?.permissions).toBe('0640');
  });

  test('carries no secret', () => {
    expect(readFileSync(USER_DATA, 'utf8')).not.toMatch(/PRIVATE KEY|token|password|passphrase/i);
  });
});

const ignition = z.strictObject({
  ignition: z.strictObject({ version: z.literal('3.4.0') }),
  passwd: z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), system: z.boolean() })) }),
  storage: z.strictObject({
    files: z.array(
      z.strictObject({
        path: z.string().startsWith('/'),
        mode: z.int().max(0o777),
        overwrite: z.boolean().optional(),
        contents: z.strictObject({
          source: z.string().regex(/^(?:data:,|https:)/),
          verification: z.strictObject({ hash: z.string().regex(/^sha256-[0-9a-f]{64}$/) }).optional(),
        }),
      }),
    ),
  }),
  systemd: z.strictObject({
    units: z.array(
      z.strictObject({
        name: z.string(),
        enabled: z.boolean().optional(),
        contents: z.string().optional(),
        dropins: z.array(z.strictObject({ name: z.string().endsWith('.conf'), contents: z.string() })).optional(),
      }),
    ),
  }),
});

describe('an Ignition file', () => {
  const agentConfig = 'apiVersion: muster/v1\nkind: AgentConfig\n# 100 % of it\n';
  const plan = {
    program: { url: 'https://images.example.net/muster-agent', sha256: 'ab'.repeat(32) },
    agentConfig,
    serviceCa: 'service CA',
    nodeCa: 'node CA',
  };
  const { storage, systemd } = ignition.parse(JSON.parse(renderIgnition('.', plan)));

  test('fetches the program by its digest, and has everything else in it', () => {
    const fetched = storage.files.filter(({ contents }) => !contents.source.startsWith('data:'));
    expect(fetched).toMatchObject([
      { path: '/opt/bin/muster-agent', mode: 0o755, contents: { verification: { hash: `sha256-${'ab'.repeat(32)}` } } },
    ]);
    const config = storage.files.find(({ path }) => path === '/etc/muster/agent.yaml');
    expect(decodeURIComponent(config?.contents.source.replace('data:,', '') ?? '')).toBe(agentConfig);
    expect(config?.mode).toBe(0o640);
  });

  test('has the unit, at the program’s place there, and the kubelet’s drop-in', () => {
    expect(systemd.units[0]?.contents).toContain('ExecStart=/opt/bin/muster-agent run');
    expect(systemd.units[0]?.contents).not.toContain('/usr/bin/muster-agent');
    expect(systemd.units[1]?.dropins?.[0]?.contents).toContain('node.pem');
  });
});

test('the kubeadm example names the kubeconfig that the agent writes, and no token', () => {
  const text = readFileSync('deploy/kubeadm/join.yaml', 'utf8');
  const { discovery, kind } = z
    .object({ kind: z.string(), discovery: z.strictObject({ file: z.strictObject({ kubeConfigPath: z.string() }) }) })
    .parse(parse(text));
  const { kubeconfigFile } = agentConfigSchema.pick({ kubeconfigFile: true }).parse({});
  expect([kind, discovery.file.kubeConfigPath]).toEqual(['JoinConfiguration', kubeconfigFile]);
});
