import { spawnSync } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { type LiveService, liveService } from '#test/lab/live-service.ts';
import { runProgram } from '#test/lab/programs.ts';
import { missingSwtpmTools, startSwtpm, type Swtpm, type SwtpmEkType } from '#test/lab/swtpm.ts';
import { openssl } from '#test/lab/openssl.ts';

const missing = missingSwtpmTools();
if (missing.length > 0)
  console.warn(`SKIPPED: joins end to end need ${missing.join(', ')} (Debian: swtpm swtpm-tools)`);

const missingForStranger = [
  ...missing,
  ...['tpm2_quote', 'curl', 'openssl'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined),
];
if (missingForStranger.length > 0)
  console.warn(`SKIPPED: the stranger's attester needs ${missingForStranger.join(', ')}`);
const ATTESTER = join(dirname(import.meta.filename), '../interop/attester.sh');

const EK_TYPES: readonly SwtpmEkType[] = ['rsa-2048', 'p-256', 'p-384'];

/** Enrols the TPM by its EK certificate, lets it be refused once, and makes what it proved the reference values. */
async function introduce(service: LiveService, tpm: Swtpm, name: string, ekType: SwtpmEkType): Promise<string> {
  const config = await service.agentConfig(name, tpm.address, ekType);
  await writeFile(join(service.folder, `${name}.der`), tpm.ekCertificates.get(ekType) ?? new Uint8Array());
  const enrolled = await service.muster('enrol', name, '--pool', 'general', '--ek-cert', `${name}.der`);
  expect(enrolled).toMatchObject({ exitCode: 0 });
  const first = await runProgram('muster-agent', ['join', '--config', config], service.folder);
  expect(first).toMatchObject({ exitCode: 77 });
  const out = `muster/reference/${name}.yaml`;
  const captured = await service.muster('reference', 'capture', '--join', requestIdIn(first.err), '--out', out);
  expect(captured).toMatchObject({ exitCode: 0 });
  await service.changePolicy({ 'referenceValues: []': `referenceValues: [reference/${name}.yaml]` });
  return config;
}

describe.skipIf(missing.length > 0)('a node with a real TPM joins over the network', () => {
  test.for(EK_TYPES.flatMap((ekType) => (['127.0.0.1', '::1'] as const).map((host) => ({ ekType, host }))))(
    'with an EK of type $ekType, at $host',
    { timeout: 90_000 },
    async ({ ekType, host }) => {
      await using tpm = await startSwtpm({ ekTypes: [ekType] });
      await using service = await liveService({ ekAnchors: tpm.caPems, host });
      const config = await introduce(service, tpm, 'worker-1', ekType);

      const joined = await runProgram('muster-agent', ['join', '--config', config, '-o', 'json'], service.folder);
      expect(joined).toMatchObject({ exitCode: 0 });
      const { credentialFile, kubeconfigFile } = JSON.parse(joined.out);
      expect((await stat(credentialFile)).mode & 0o777).toBe(0o600);
      const kubeconfig = await readFile(kubeconfigFile, 'utf8');
      expect(kubeconfig).toContain(`client-certificate: ${credentialFile}`);
      expect(kubeconfig).toContain(`client-key: ${credentialFile}`);

      expectNodeCertificate(service, certificatesIn(await readFile(credentialFile, 'utf8')));
      const nodes = JSON.parse((await service.muster('nodes', 'list', '-o', 'json')).out);
      expect(JSON.stringify(nodes)).toContain('"joined"');
      expect((await service.muster('audit', 'verify')).exitCode).toBe(0);
    },
  );
});

describe.skipIf(missingForStranger.length > 0)('a stranger’s attester of tpm2-tools, openssl and curl', () => {
  test.for(['rsa', 'ecc'] as const)(
    'joins from the protocol’s page alone, with an EK of type %s',
    { timeout: 90_000 },
    async (algorithm) => {
      const ekType = algorithm === 'rsa' ? 'rsa-2048' : 'p-256';
      // Without persistent keys: tpm2-tools makes the EK from its template, as the protocol's page says.
      await using tpm = await startSwtpm({ ekTypes: [ekType], persistentEk: false });
      await using service = await liveService({ ekAnchors: tpm.caPems });
      await introduce(service, tpm, 'worker-1', ekType);

      const out = join(service.folder, 'stranger');
      const attester = spawnSync(ATTESTER, {
        encoding: 'utf8',
        timeout: 60_000,
        env: {
          PATH: process.env['PATH'],
          SERVICE: service.url,
          SERVICE_CA: service.serviceCaFile,
          AUDIENCE: service.audience,
          NODE_NAME: 'worker-1',
          TPM2TOOLS_TCTI: tpm.tcti,
          EK_ALGORITHM: algorithm,
          OUT: out,
        },
      });
      expect(attester).toMatchObject({ status: 0 });
      expectNodeCertificate(service, await readFile(join(out, 'chain.pem'), 'utf8'));
    },
  );
});

const requestIdIn = (text: string): string => /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text)?.[0] ?? '';

function expectNodeCertificate(service: LiveService, pem: string): void {
  const trust = ['-purpose', 'sslclient', '-CAfile', service.nodeRootFile];
  expect(openssl('verify', ...trust, '-untrusted', { pem }, { pem }).output).toContain('OK');
  const subject = openssl('x509', '-in', { pem }, '-noout', '-subject', '-nameopt', 'RFC2253').output;
  expect(subject).toContain('CN=system:node:worker-1,O=system:nodes');
}

const certificatesIn = (pem: string): string =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []).join('');
