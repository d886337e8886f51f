import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { agentConfigSchema } from '#agent/config.ts';
import { systemClock } from '#core/clock.ts';
import { prepare } from '#scripts/containers/prepare.ts';
import { parseServerConfig } from '#services/config/config.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem } from '#test/lab/service-pki.ts';

const VOLUMES = ['operator', 'muster', 'openbao', 'postgres', 'prometheus', 'node', 'tpm'];

let volumes: string;
const at = (path: string): string => join(volumes, path);
const again = () => prepare({ volumes, nodeNetwork: '10.9.8.0/24', now: systemClock });
const read = (path: string): string => readFileSync(at(path), 'utf8');

beforeAll(async () => {
  volumes = mkdtempSync(join(tmpdir(), 'muster-volumes-'));
  for (const name of VOLUMES) mkdirSync(at(name));
  const { management } = await labNodeCa({ now: systemClock() });
  writeFileSync(at('tpm/maker.pem'), certificatePem(management.certificate));
  writeFileSync(at('operator/half'), 'of a preparation that was cut short');
  await again();
}, 180_000);
afterAll(() => {
  rmSync(volumes, { recursive: true });
});

describe('what the containers start with', () => {
  test('is a configuration that the service takes, and a policy for one network', () => {
    const config = parseServerConfig(read('operator/muster/muster.yaml'), at('operator/muster/muster.yaml'));
    expect(config).toMatchObject({
      store: { kind: 'postgres', host: 'postgres' },
      listeners: {
        node: { host: '0.0.0.0' },
        metrics: { access: 'client-certificate' },
        health: { host: '127.0.0.1' },
      },
    });
    expect(parse(read('operator/muster/policy.yaml'))).toMatchObject({
      pools: { general: { segments: ['10.9.8.0/24'], tpm2: { allowSoftwareTpm: true } } },
    });
    expect(agentConfigSchema.parse(parse(read('node/agent.yaml'))).services).toHaveLength(2);
  });

  test('each has its own secrets, for its user alone, and nobody a CA’s key', () => {
    const secrets: Readonly<Record<string, readonly string[]>> = {
      openbao: ['role-id', 'seal.key', 'secret-id', 'server.key'],
      postgres: ['database-password', 'postgres-password', 'server.key'],
      prometheus: ['monitor.key'],
      node: [],
      // What the replicas have is handed out when the CA's key is in OpenBao.
      muster: [],
    };
    for (const [volume, names] of Object.entries(secrets)) {
      const kept = readdirSync(at(volume)).filter((name) => (statSync(at(`${volume}/${name}`)).mode & 0o077) === 0);
      expect(kept.toSorted()).toEqual(names);
      for (const name of readdirSync(at(volume)).filter((one) => !names.includes(one)))
        expect(read(`${volume}/${name}`)).not.toMatch(/PRIVATE KEY|^[0-9a-f]{64}$/);
    }
  });

  test('is made once; what a job that was cut short had left is gone', async () => {
    expect(readdirSync(at('operator'))).not.toContain('half');
    const files = [
      'operator/muster/pki/node-root.pem',
      'openbao/secret-id',
      'postgres/server.pem',
      'prometheus/monitor.pem',
    ];
    const before = files.map(read);
    rmSync(at('postgres/server.pem'));
    await again();
    expect(files.map(read)).toEqual(before);
  });
});
