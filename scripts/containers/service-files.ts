import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import { issueAdministratorCertificate } from '#pki/management-certificates.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { localSigner, openKeyFile } from '#pki/signer-file.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { LAYOUT } from '#services/commands/init-layout.ts';

import { editYaml, writePublic, writeSecret } from './files.ts';
import { DEMO_NODE, type OperatorFiles } from './operator-files.ts';

/** What the quote covers: the machine from its firmware to its boot loader. */
const PCRS = [0, 1, 2, 3, 4, 5, 7] as const;

/** What `muster init` names in the configuration, for containers: every address, PostgreSQL, metrics by certificate, health on loopback. */
export function configureService({ service, infrastructureCa, infrastructure }: OperatorFiles): void {
  editYaml(join(service, LAYOUT.config), {
    'listeners.node.host': '0.0.0.0',
    'listeners.admin.host': '0.0.0.0',
    'listeners.metrics': {
      access: 'client-certificate',
      host: '0.0.0.0',
      certificate: LAYOUT.serverCertificate,
      key: LAYOUT.serverKey,
    },
    'listeners.health': { host: '127.0.0.1' },
    store: {
      kind: 'postgres',
      host: 'postgres',
      passwordFile: 'secrets/database-password',
      ca: 'infrastructure-ca.pem',
    },
  });
  writePublic(join(service, 'infrastructure-ca.pem'), readFileSync(infrastructureCa));
  for (const secret of ['database-password', 'role-id', 'secret-id']) {
    writeSecret(join(service, 'secrets', secret), readFileSync(infrastructure(secret)));
  }
}

/** Lets the demonstration's node in: its network, its TPM's maker, and the state of a software TPM that no firmware measured anything into. */
export function writeDemoPolicy({ service }: OperatorFiles, volumes: string, nodeNetwork: string, now: Date): void {
  const pool = `pools.${DEMO_NODE.pool}`;
  const reference = join(LAYOUT.referenceValues, `${DEMO_NODE.name}.yaml`);
  const anchor = join(LAYOUT.ekAnchors, 'demo-tpm-maker.pem');
  editYaml(join(service, LAYOUT.policy), {
    [`${pool}.segments`]: [nodeNetwork],
    [`${pool}.tpm2.pcrs`]: PCRS,
    [`${pool}.tpm2.referenceValues`]: [reference],
    [`${pool}.tpm2.ekAnchors`]: [anchor],
    [`${pool}.tpm2.allowSoftwareTpm`]: true,
  });
  const values = PCRS.map((pcr) => `  '${pcr}': '${'00'.repeat(32)}'\n`).join('');
  writePublic(
    join(service, reference),
    `apiVersion: muster/v1
kind: ReferenceValues
name: ${DEMO_NODE.name}
capturedAt: '${now.toISOString()}'
capturedFrom: a software TPM that nothing was measured into
bank: sha256
pcrs:
${values}`,
  );
  writePublic(join(service, anchor), readFileSync(DEMO_NODE.makerCa(volumes)));
}

/** An identity that may read metrics and nothing else, and its line in the list of administrators. */
export async function addMonitor({ service, monitor }: OperatorFiles, now: Date): Promise<void> {
  const at = (path: string): string => join(service, path);
  const [ca] = parsePemOf('CERTIFICATE', readFileSync(at(LAYOUT.managementCa), 'utf8'));
  if (ca === undefined) throw new Error('muster init made no management CA');
  const signer = await openKeyFile(at(LAYOUT.managementKey), await readPassphrase(at(LAYOUT.passphrase)));
  const key = await generateKey();
  const administrator = { name: 'prometheus', role: 'monitor' };
  const certificate = await issueAdministratorCertificate(
    { spki: localSigner(key).spki, lifetimeDays: 90, administrator },
    { certificate: parseCertificate(ca), signer },
    { now, random: systemRandom },
  );
  writePublic(monitor.certificate, certificatePem(certificate));
  writeSecret(monitor.key, key.export({ type: 'pkcs8', format: 'pem' }));
  const list = readFileSync(at(LAYOUT.administrators), 'utf8');
  const entry = `  - name: ${administrator.name}\n    fingerprint: ${certificateFingerprint(certificate.der)}\n`;
  writePublic(at(LAYOUT.administrators), list + entry);
}
