import type { Bytes } from '#core/bytes.ts';

import { type Administrator, administratorSubject } from './administrator-subject.ts';
import { ipAddressBytes } from './ip-address.ts';
import { type Authority, type IssuanceContext, issueCertificate } from './issue-certificate.ts';
import { IssuerError } from './issuer-error.ts';
import { lintParsed } from './lint.ts';
import { DAY_SECONDS } from './lint/purpose.ts';
import type { Certificate } from './x509/certificate.ts';
import {
  basicConstraints,
  dnsName,
  extendedKeyUsage,
  ipAddress,
  keyUsage,
  subjectAltName,
} from './x509/extension-writer.ts';
import { buildName } from './x509/name-writer.ts';
import { ATTRIBUTE, KEY_PURPOSE } from './x509/oids.ts';

/** What the service is reached at. At least one of the two lists has an entry. */
export interface ServerNames {
  /** Lower-case host names without wildcards. */
  readonly dnsNames: readonly string[];
  /** IPv4 and IPv6 literals. */
  readonly ipAddresses: readonly string[];
}

/** A certificate to be, for a key made by whoever will use it. */
export interface LeafPlan {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** A server's: 1 to 825; an administrator's: 1 to 90. */
  readonly lifetimeDays: number;
}

/**
 * A certificate that the service's listeners show: server authentication, for these names. Throws RangeError on an address that is none,
 * IssuerError `not-an-issuer` unless `authority` is the management CA, and IssuerError `lint` on names or a lifetime outside the profile.
 */
export async function issueServerCertificate(
  plan: LeafPlan & ServerNames,
  authority: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  const names = [...plan.dnsNames.map(dnsName), ...plan.ipAddresses.map(ipName)];
  const subject = buildName([ATTRIBUTE.commonName, 'Muster service']);
  const extensions = [...leafExtensions(KEY_PURPOSE.serverAuth), subjectAltName(false, ...names)];
  return issueLeaf('server', { ...plan, subject, extensions }, authority, context);
}

/**
 * A client certificate that names an administrator and a role: O=muster:<role>, CN=<name>. It gives nobody the role; that is the
 * service's configuration. Throws as `issueServerCertificate`, and RangeError on a name or role of another form.
 */
export async function issueAdministratorCertificate(
  plan: LeafPlan & { readonly administrator: Administrator },
  authority: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  const subject = administratorSubject(plan.administrator);
  const extensions = leafExtensions(KEY_PURPOSE.clientAuth);
  return issueLeaf('administrator', { ...plan, subject, extensions }, authority, context);
}

const leafExtensions = (purpose: string): readonly Bytes[] => [
  basicConstraints(),
  keyUsage('digitalSignature'),
  extendedKeyUsage(purpose),
];

async function issueLeaf(
  purpose: 'server' | 'administrator',
  plan: LeafPlan & { readonly subject: Bytes; readonly extensions: readonly Bytes[] },
  authority: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  // kube-apiserver trusts the node CA for client authentication, so a CA of that chain must never sign one of these.
  const findings = lintParsed(authority.certificate, { purpose: 'management-ca' });
  if (findings.length > 0) throw new IssuerError('not-an-issuer', 'not the management CA’s certificate', findings);
  const { subject, spki, extensions } = plan;
  const lifetimeSeconds = plan.lifetimeDays * DAY_SECONDS;
  return issueCertificate({ purpose, subject, spki, lifetimeSeconds, extensions }, authority, context);
}

function ipName(text: string): Bytes {
  const address = ipAddressBytes(text);
  if (address === undefined) throw new RangeError('not an IP address');
  return ipAddress(address);
}
