import { toHex } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import type { IssuanceContext } from '#pki/issue-certificate.ts';
import { issueServerCertificate } from '#pki/management-certificates.ts';
import { localSigner } from '#pki/signer-file.ts';

import { writePublic, writeSecret } from './files.ts';
import type { OperatorFiles } from './operator-files.ts';

const SECRET_BYTES = 32;
const LIFETIME_DAYS = 825;
const SERVERS = ['postgres', 'openbao'] as const;

/**
 * Certificates for the database and the key server, by a CA of their own whose key is gone when this returns, and every password between the
 * containers. The service's CAs have no part in it: whoever has the database's key can be no service to a node.
 */
export async function makeInfrastructure(files: OperatorFiles, now: Date): Promise<void> {
  const context: IssuanceContext = { now, random: systemRandom };
  const plan = { organization: 'muster demonstration', commonName: 'Infrastructure CA', lifetimeDays: LIFETIME_DAYS };
  const ca = await createRootCa('management-ca', plan, localSigner(await generateKey()), context);
  writePublic(files.infrastructureCa, certificatePem(ca.certificate));
  for (const server of SERVERS) {
    const key = await generateKey();
    const names = { dnsNames: [server, 'localhost'], ipAddresses: ['127.0.0.1'] };
    const leaf = { spki: localSigner(key).spki, lifetimeDays: LIFETIME_DAYS, ...names };
    writePublic(files.infrastructure(`${server}.pem`), certificatePem(await issueServerCertificate(leaf, ca, context)));
    writeSecret(files.infrastructure(`${server}.key`), key.export({ type: 'pkcs8', format: 'pem' }));
  }
  for (const name of ['postgres-password', 'database-password', 'role-id', 'secret-id']) {
    writeSecret(files.infrastructure(name), toHex(systemRandom(SECRET_BYTES)));
  }
  writeSecret(files.infrastructure('seal.key'), systemRandom(SECRET_BYTES));
}
