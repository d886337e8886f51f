import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { systemClock } from '#core/clock.ts';
import { loadServerConfig } from '#services/config/config.ts';
import { init } from '#services/commands/init.ts';
import { LAYOUT } from '#services/commands/init-layout.ts';
import { loadMaterial, type Material } from '#services/material.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import { labNodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

let root: string;
let folder: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'muster-material-'));
  const { management } = await labNodeCa({ now: systemClock() });
  writeFileSync(join(root, 'kubernetes.pem'), certificatePem(management.certificate));
  const options = { dir: 'made', kubernetesUrl: 'https://127.0.0.1:6443', kubernetesCa: 'kubernetes.pem' };
  const quiet = { out: () => undefined, err: () => undefined, stopSignal: () => new AbortController().signal };
  await init(options, { ...quiet, workingDirectory: root, now: systemClock });
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

let copies = 0;
beforeEach(() => {
  folder = join(root, `copy-${++copies}`);
  cpSync(join(root, 'made'), folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

async function load(credentialsDirectory?: string, now = systemClock): Promise<Material | readonly string[]> {
  const config = await loadServerConfig(at(LAYOUT.config));
  try {
    return await loadMaterial(config, { now, credentialsDirectory });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Spares a test that is about something else the half second that the key takes to open. */
const dropIssuingKey = (): void => rmSync(at(LAYOUT.nodeIssuingKey));
const NO_ISSUING_KEY = expect.stringMatching(/^issuer\.signer: ENOENT/);

describe('loadMaterial', () => {
  test('takes what `muster init` makes', async () => {
    const material = await load();
    expect(material).toMatchObject({ issuerChain: { length: 2 } });
    expect('ticketKeys' in material && material.ticketKeys.opening(systemClock())).toHaveLength(1);
    expect(JSON.stringify(material)).not.toContain(readFileSync(at(LAYOUT.ticketKey), 'utf8').trim());
  });

  test('names everything that is not as it should be, at once', async () => {
    const other = await labNodeCa({ now: systemClock() });
    const stranger = await labServerIdentity(other.management);
    writeFileSync(at(LAYOUT.serverKey), stranger.keyPem);
    writeFileSync(at(LAYOUT.managementCa), 'no certificate');
    writeFileSync(at(LAYOUT.administrators), 'administrators: {}');
    writeFileSync(
      at(LAYOUT.nodeChain),
      certificatePem(other.issuing.certificate) + certificatePem(other.management.certificate),
    );
    writeFileSync(at(LAYOUT.passphrase), 'not the passphrase');
    writeFileSync(at(LAYOUT.ticketKey), 'ABCD');
    writeFileSync(at(LAYOUT.policy), 'kind: Policy');
    writeFileSync(at(LAYOUT.snapshotKey), readFileSync(at(LAYOUT.snapshotPublicKey)));
    rmSync(at(LAYOUT.kubernetesCa));
    const problems = await load();
    expect(problems).toEqual([
      expect.stringMatching(/server\.key: not the key of/),
      expect.stringMatching(/server\.key: not the key of/),
      expect.stringMatching(/management-ca\.pem: /),
      expect.stringMatching(/administrators\.yaml: /),
      expect.stringMatching(/node-issuing-chain\.pem: certificate 1 was not issued by the one after it/),
      expect.stringMatching(/issuer\.signer: the passphrase is wrong/),
      expect.stringMatching(/ticket\.key: not ticket keys/),
      expect.stringMatching(/policy\.yaml: /),
      expect.stringMatching(/snapshot\.key: not a PEM Ed25519 private key/),
      expect.stringMatching(/kubernetes-ca\.pem: .*ENOENT/),
    ]);
  });

  test('takes no secret that others may read', async () => {
    for (const secret of [LAYOUT.serverKey, LAYOUT.nodeIssuingKey, LAYOUT.ticketKey, LAYOUT.snapshotKey]) {
      chmodSync(at(secret), 0o604);
    }
    const problems = await load();
    expect(problems).toEqual([
      expect.stringMatching(/server\.key: mode 0604/),
      expect.stringMatching(/server\.key: mode 0604/),
      expect.stringMatching(/node-issuing\.key: mode 0604/),
      expect.stringMatching(/ticket\.key: mode 0604/),
      expect.stringMatching(/snapshot\.key: mode 0604/),
    ]);
  });

  test('does not let a CA of the nodes certify administrators', async () => {
    dropIssuingKey();
    writeFileSync(at(LAYOUT.managementCa), readFileSync(at(LAYOUT.nodeChain)));
    expect(await load()).toEqual([
      NO_ISSUING_KEY,
      expect.stringMatching(/a CA of the nodes must not certify administrators/),
    ]);
  });

  test('does not start with an issuing CA that has expired', async () => {
    dropIssuingKey();
    const inThreeYears = new Date(systemClock().getTime() + 3 * 365 * 86_400_000);
    expect(await load(undefined, () => inThreeYears)).toEqual([
      expect.stringMatching(/certificate 1 is not valid at/),
      NO_ISSUING_KEY,
    ]);
  });

  test('takes the passphrase from a systemd credential', async () => {
    const config = readFileSync(at(LAYOUT.config), 'utf8');
    expect(config).toContain('kind: file');
    const path = `path: ${JSON.stringify(LAYOUT.passphrase)}`;
    writeFileSync(
      at(LAYOUT.config),
      config
        .replace('passphrase:\n      kind: file', 'passphrase:\n      kind: systemd-credential')
        .replace(path, 'name: passphrase'),
    );
    expect(await load(at('secrets'))).toMatchObject({ issuerChain: { length: 2 } });
    expect(await load()).toEqual([expect.stringMatching(/systemd set no CREDENTIALS_DIRECTORY/)]);
  });
});
