import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

import type { Bytes } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parseSnapshotKey } from '#services/kubernetes/signed-statement.ts';

import { readAdministrators } from './administrators.ts';
import { checkDestinationFiles } from './audit-destinations.ts';
import type { OtherAuthorities } from './authorities.ts';
import { type CollectorMaterial, readCollectorMaterial } from './collector-material.ts';
import type { ServerConfig } from '#services/config/config.ts';
import { readIssuerChain } from './issuer-chain.ts';
import { assertDistinct, loadOtherAuthorities } from './load-authorities.ts';
import { openSigner } from './open-signer.ts';
import { openPolicySource, type PolicySource } from './policy-source.ts';
import { readCertificates } from './read-certificates.ts';
import { openTicketKeys, type TicketKeySource } from './ticket-key-source.ts';
import { ConfigError } from '#services/config/strict-document.ts';

/** A server certificate with its issuers and its key, PEM. */
export interface ServerIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Everything that the service reads at its start but the store, checked. */
export interface Material {
  readonly node: ServerIdentity;
  readonly admin: ServerIdentity;
  /** Undefined where metrics are not served, or on loopback alone. */
  readonly metrics?: ServerIdentity | undefined;
  /** PEM of the management CA. */
  readonly clientCa: string;
  /** DER: the issuing CA's certificate, then its issuers'. */
  readonly issuerChain: readonly Bytes[];
  readonly signer: ManagedSigner;
  /** Undefined: there are none beside that one. */
  readonly otherAuthorities?: OtherAuthorities | undefined;
  readonly ticketKeys: TicketKeySource;
  readonly policySource: PolicySource;
  /** PEM of the CA that the API server's certificate chains to. */
  readonly kubernetesCa: string;
  /** Undefined: no authorizer is served. */
  readonly snapshotKey?: KeyObject | undefined;
  /** Undefined: nothing is traced. */
  readonly collector?: CollectorMaterial | undefined;
}

const KEY_MAX_BYTES = 65_536;

/**
 * Reads and checks every file that `config` names, the database apart. Rejects with ConfigError and every file that is not what it should be: a key that
 * others may read or that is not its certificate's, a chain that does not hold, a policy that contradicts itself.
 */
export async function loadMaterial(
  config: ServerConfig,
  world: { readonly now: Clock; readonly credentialsDirectory: string | undefined },
): Promise<Material> {
  const { listeners, issuer } = config;
  const problems: string[] = [];
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ConfigError) problems.push(error.message);
      else problems.push(`${what}: ${error instanceof Error ? error.message : 'cannot be used'}`);
      return undefined;
    }
  };
  const { clientCa: clientCaFile, administrators } = listeners.admin;
  const node = await attempt('listeners.node', () => readIdentity(listeners.node));
  const admin = await attempt('listeners.admin', () => readIdentity(listeners.admin));
  const { metrics: metricsListener } = listeners;
  const metrics =
    metricsListener?.access === 'client-certificate'
      ? await attempt('listeners.metrics', () => readIdentity(metricsListener))
      : undefined;
  const clientCa = await attempt('listeners.admin.clientCa', () => readCertificates(clientCaFile));
  await attempt('listeners.admin.administrators', () => readAdministrators(administrators));
  const chain = await attempt('issuer.chain', () => readIssuerChain(issuer.chain, world.now()));
  const [issuerDer] = chain ?? [];
  const spki = issuerDer === undefined ? new Uint8Array() : parseCertificate(issuerDer).publicKey.raw;
  const signer = await attempt('issuer.signer', () => openSigner(issuer.signer, { ...world, spki }));
  const others = await attempt('retiredIssuers', () => loadOtherAuthorities(config, { ...world, now: world.now() }));
  const ticketKeys = await attempt('tickets.key', () => openTicketKeys(config.tickets.key));
  const policySource = await attempt('policy', () => openPolicySource(config.policy, world.now));
  if (chain !== undefined && others !== undefined) {
    await attempt('issuer', async () => assertDistinct(chain, others));
  }
  if (chain !== undefined && clientCa !== undefined && shareAKey(nodeCasOf(chain, others), clientCa.ders)) {
    problems.push(`${clientCaFile}: a CA of the nodes must not certify administrators`);
  }
  for (const [index, one] of config.audit.export.entries()) {
    await attempt(`audit.export.${index}`, () => checkDestinationFiles(one));
  }
  const snapshotKeyFile = config.snapshot?.key;
  const snapshotKey =
    snapshotKeyFile === undefined ? undefined : await attempt('snapshot.key', () => readSnapshotKey(snapshotKeyFile));
  const { tracing } = config;
  const collector = tracing === undefined ? undefined : await attempt('tracing', () => readCollectorMaterial(tracing));
  const kubernetesCa = await attempt('kubernetes.ca', () => readCertificates(config.kubernetes.ca));
  if (
    node === undefined ||
    admin === undefined ||
    clientCa === undefined ||
    chain === undefined ||
    signer === undefined ||
    others === undefined ||
    ticketKeys === undefined ||
    policySource === undefined ||
    kubernetesCa === undefined ||
    problems.length > 0
  ) {
    throw new ConfigError('cannot start', problems);
  }
  return {
    node,
    admin,
    metrics,
    clientCa: clientCa.text,
    issuerChain: chain,
    signer,
    otherAuthorities: others,
    ticketKeys,
    policySource,
    kubernetesCa: kubernetesCa.text,
    snapshotKey,
    collector,
  };
}

/** A server certificate and its key, which fit each other. Rejects with ConfigError or PrivateFileError. */
export async function readIdentity(files: {
  readonly certificate: string;
  readonly key: string;
}): Promise<ServerIdentity> {
  const { text: certificate } = await readCertificates(files.certificate);
  const key = Buffer.from(await readPrivateFile(files.key, KEY_MAX_BYTES)).toString('utf8');
  try {
    // TLS takes an empty key for none, and would find out at the first handshake.
    createPrivateKey(key);
    createSecureContext({ cert: certificate, key });
  } catch {
    throw new ConfigError(files.key, [`not the key of ${files.certificate}`]);
  }
  return { certificate, key };
}

const nodeCasOf = (chain: readonly Bytes[], others: OtherAuthorities | undefined): readonly Bytes[] => [
  ...chain,
  ...(others?.next ?? []),
  ...(others?.retired ?? []).flatMap((one) => one.chain),
  ...(others?.furtherRoots ?? []).map(({ der }) => der),
];

function shareAKey(some: readonly Bytes[], others: readonly Bytes[]): boolean {
  const keys = (ders: readonly Bytes[]) => ders.map((der) => new X509Certificate(der).publicKey);
  return keys(some).some((key) => keys(others).some((other) => key.equals(other)));
}

async function readSnapshotKey(file: string): Promise<KeyObject> {
  const pem = Buffer.from(await readPrivateFile(file, KEY_MAX_BYTES)).toString('utf8');
  try {
    return parseSnapshotKey(pem);
  } catch {
    throw new ConfigError(file, ['not a PEM Ed25519 private key']);
  }
}
