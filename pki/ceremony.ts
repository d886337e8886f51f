import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import type { Bytes } from '#core/bytes.ts';
import { Secret } from '#core/secret.ts';

import type { Administrator } from './administrator-subject.ts';
import { type CaPlan, createIssuingCa, createRootCa } from './ca-certificates.ts';
import type { IssuanceContext } from './issue-certificate.ts';
import { sealKey } from './key-file.ts';
import { issueAdministratorCertificate, issueServerCertificate, type ServerNames } from './management-certificates.ts';
import { localSigner } from './signer-file.ts';
import type { Certificate } from './x509/certificate.ts';
import { encodePem } from './x509/pem.ts';

/** How long the ceremony's certificates last, in days. */
export interface CeremonyLifetimes {
  readonly nodeRoot: number;
  readonly nodeIssuing: number;
  readonly management: number;
  readonly server: number;
  readonly administrator: number;
  /** The authorizers': nobody is there to renew theirs by hand every month. */
  readonly authorizer: number;
}

export const DEFAULT_LIFETIMES: CeremonyLifetimes = {
  nodeRoot: 3_650,
  nodeIssuing: 730,
  management: 3_650,
  server: 365,
  administrator: 30,
  authorizer: 90,
};

export interface CeremonyPlan {
  /** O of every CA: the installation's name, 1 to 64 characters. */
  readonly organization: string;
  readonly lifetimes: CeremonyLifetimes;
  readonly server: ServerNames;
  /** The first administrator. */
  readonly administrator: Administrator;
  /** The authorizers on the control-plane hosts, as the service sees them. */
  readonly authorizer: Administrator;
}

export interface CeremonyContext extends IssuanceContext {
  /** Seals the three CA keys. */
  readonly passphrase: Secret<Bytes>;
}

/** A CA as it is kept. */
export interface SealedAuthority {
  readonly certificatePem: string;
  /** The bytes of a sealed key file. */
  readonly sealedKey: Bytes;
}

/** A certificate with its private key in the clear (PKCS#8), for the one who uses it. */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: Secret<string>;
}

/** Two chains that never meet: node root → issuing CA → kubelets; management CA → the service and its administrators. */
export interface CeremonyResult {
  /** To be kept offline: only the next issuing CA needs its key. */
  readonly nodeRoot: SealedAuthority;
  readonly nodeIssuing: SealedAuthority;
  readonly management: SealedAuthority;
  readonly server: KeyedCertificate;
  readonly administrator: KeyedCertificate;
  readonly authorizer: KeyedCertificate;
}

/**
 * Makes every key and certificate an installation begins with; nothing is written anywhere. On resolution each certificate has been
 * linted before it was signed and verified after. Throws IssuerError or RangeError when the plan breaks a rule: then nothing is returned.
 */
export async function performCeremony(plan: CeremonyPlan, context: CeremonyContext): Promise<CeremonyResult> {
  const { lifetimes } = plan;
  const caPlan = (commonName: string, lifetimeDays: number): CaPlan => ({
    organization: plan.organization,
    commonName,
    lifetimeDays,
  });
  const [rootKey, issuingKey, managementKey] = [await generateKey(), await generateKey(), await generateKey()];

  const rootPlan = caPlan('Muster node root CA', lifetimes.nodeRoot);
  const root = await createRootCa('node-root-ca', rootPlan, localSigner(rootKey), context);
  const issuingPlan = caPlan('Muster node issuing CA', lifetimes.nodeIssuing);
  const issuing = await createIssuingCa(issuingPlan, localSigner(issuingKey), root, context);
  const managementPlan = caPlan('Muster management CA', lifetimes.management);
  const management = await createRootCa('management-ca', managementPlan, localSigner(managementKey), context);

  const server = await keyed(lifetimes.server, (leaf) =>
    issueServerCertificate({ ...leaf, ...plan.server }, management, context),
  );
  const administrator = await keyed(lifetimes.administrator, (leaf) =>
    issueAdministratorCertificate({ ...leaf, administrator: plan.administrator }, management, context),
  );

  const authorizer = await keyed(lifetimes.authorizer, (leaf) =>
    issueAdministratorCertificate({ ...leaf, administrator: plan.authorizer }, management, context),
  );

  // One after the other: each takes 128 MiB while it lasts.
  const nodeRoot = await seal(root.certificate, rootKey, rootPlan, context);
  const nodeIssuing = await seal(issuing.certificate, issuingKey, issuingPlan, context);
  const sealedManagement = await seal(management.certificate, managementKey, managementPlan, context);
  return { nodeRoot, nodeIssuing, management: sealedManagement, server, administrator, authorizer };
}

const generate = promisify(generateKeyPair);

/** A P-256 private key from the operating system's generator. Does not block the event loop. */
export async function generateKey(): Promise<KeyObject> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' });
  return privateKey;
}

export const certificatePem = (certificate: Certificate): string => encodePem('CERTIFICATE', certificate.der);

async function keyed(
  lifetimeDays: number,
  issue: (leaf: { readonly spki: Bytes; readonly lifetimeDays: number }) => Promise<Certificate>,
): Promise<KeyedCertificate> {
  const key = await generateKey();
  const certificate = await issue({ spki: localSigner(key).spki, lifetimeDays });
  const keyPem = new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString());
  return { certificatePem: certificatePem(certificate), keyPem };
}

async function seal(
  certificate: Certificate,
  key: KeyObject,
  { commonName }: CaPlan,
  { passphrase, random }: CeremonyContext,
): Promise<SealedAuthority> {
  return {
    certificatePem: certificatePem(certificate),
    sealedKey: await sealKey(key, passphrase, { label: commonName, random }),
  };
}
