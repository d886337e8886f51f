import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { issueAdministratorCertificate, issueServerCertificate } from '#pki/management-certificates.ts';
import { localSigner } from '#pki/signer-file.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { encodePem } from '#pki/x509/pem.ts';

import { labKey } from './node-ca.ts';

/** A certificate and its key, as TLS takes them. */
export interface TlsIdentity {
  readonly certificate: Certificate;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A server certificate for loopback, IPv4 and IPv6. */
export function labServerIdentity(management: Authority): Promise<TlsIdentity> {
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] };
  return identity((leaf) => issueServerCertificate({ ...leaf, ...names }, management, context()));
}

/** An administrator's client certificate. */
export function labAdministrator(
  management: Authority,
  { name = 'alice', role = 'cluster-administrator' }: { name?: string; role?: string } = {},
): Promise<TlsIdentity> {
  const administrator = { name, role };
  return identity((leaf) => issueAdministratorCertificate({ ...leaf, administrator }, management, context()));
}

export const certificatePem = (certificate: Certificate): string => encodePem('CERTIFICATE', certificate.der);

// TLS judges validity by the machine's clock.
const context = () => ({ now: systemClock(), random: systemRandom });

async function identity(
  issue: (leaf: { spki: Uint8Array; lifetimeDays: number }) => Promise<Certificate>,
): Promise<TlsIdentity> {
  const key = labKey();
  const certificate = await issue({ spki: localSigner(key).spki, lifetimeDays: 1 });
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate, certificatePem: certificatePem(certificate), keyPem };
}
