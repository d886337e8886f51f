import { dirname, resolve } from 'node:path';

import { z } from 'zod';

import { isKubernetesNodeName } from '#services/kubernetes/statement.ts';

import { auditSchema, withAbsoluteAuditPaths } from './audit-config.ts';
import { connectivitySchema } from './connectivity-config.ts';
import { kubeconfigSchema, nodeControllerSchema, withAbsoluteKubeconfig } from './node-controller-config.ts';
import { healthListenerSchema } from './health-config.ts';
import { metricsListenerSchema, withAbsoluteMetricsPaths } from './metrics-config.ts';
import { shutdownSchema } from './shutdown-config.ts';
import { proxiesSchema } from './trusted-proxies.ts';
import { heldBodyBytesSchema, joinRatesSchema, LARGEST_BODY_BYTES, workSchema } from './node-limits.ts';
import { signerSchema, withAbsoluteSignerPaths } from './signer-config.ts';
import { stepUpSchema } from './step-up-config.ts';
import { storeSchema, withAbsoluteStorePaths } from './store-config.ts';
import { ConfigError, describeIssue, parseDocumentText, readTextFile } from './strict-document.ts';
import { tracingSchema, withAbsoluteTracingPaths } from './tracing-config.ts';

const path = z.string().min(1).max(4_096);

const host = z
  .union([z.ipv4(), z.ipv6()])
  .default('127.0.0.1')
  .describe('Address to bind, as a literal: no name is ever resolved. Loopback unless set.');

const port = z.int().min(0).max(65_535);

const listener = {
  host,
  certificate: path.describe('PEM: the server certificate, then its issuers below the root.'),
  key: path.describe('PEM private key of the server certificate; mode 0600 or stricter.'),
};

const nodeListener = z
  .strictObject({
    ...listener,
    port: port.default(7443).describe('Port that nodes join at. 0 takes a free one.'),
    proxies: proxiesSchema,
  })
  .describe('Where nodes join: the server is authenticated, the caller is not.');

const adminListener = z
  .strictObject({
    ...listener,
    port: port.default(7444).describe('Port of the administrators’ API. 0 takes a free one.'),
    clientCa: path.describe('PEM: the management CA. Only client certificates that it issued are looked at.'),
    administrators: path.describe(
      'YAML list of the administrators’ certificates. Read on every request: who is taken off it is refused at once.',
    ),
  })
  .describe('Where administrators and the inventory’s readers call; a client certificate is required.');

const issuer = z
  .strictObject({
    chain: path.describe('PEM: the issuing CA’s certificate, then the root’s.'),
    signer: signerSchema,
  })
  .describe('The dedicated CA that signs kubelet client certificates.');

const otherIssuer = z.strictObject({
  chain: path.describe('PEM: the issuing CA’s certificate, then the root’s.'),
  signer: signerSchema,
});

const tickets = z
  .strictObject({
    key: path.describe(
      'File with the ticket keys, each 32 bytes in hex; mode 0600 or stricter. Replicas share it; `muster ticket-key rotate` adds a key, SIGHUP has it read.',
    ),
  })
  .describe('Challenges travel sealed with these keys instead of being stored.');

const kubernetes = z
  .strictObject({
    apiServer: z
      .url({ protocol: /^https$/ })
      .max(2_048)
      .describe('URL of the API server that joined nodes are told.'),
    ca: path.describe('PEM: the CA that the API server’s certificate chains to.'),
    kubeconfig: kubeconfigSchema,
    controller: nodeControllerSchema,
  })
  .describe('The cluster that the nodes join.');

const snapshot = z
  .strictObject({
    key: path.describe('PEM Ed25519 private key (PKCS#8) that snapshots are signed with; mode 0600 or stricter.'),
    unmanagedNodes: z
      .array(z.string().max(253).refine(isKubernetesNodeName, 'not a Kubernetes node name'))
      .max(10_000)
      .default([])
      .describe('Nodes of the cluster that Muster does not manage; an authorizer has no opinion on them.'),
  })
  .describe('What `muster authorizer` on the control-plane hosts follows. Without it there is no snapshot.');

const limits = z
  .strictObject({
    joinBodyBytes: z
      .int()
      .min(16_384)
      .max(LARGEST_BODY_BYTES)
      .optional()
      .describe(
        'Largest body of a join, in bytes. Unless set: 256 KiB, and from the segments of pools that ask for logs as much more as the join protocol lets those have.',
      ),
    heldBodyBytes: heldBodyBytesSchema,
    rates: joinRatesSchema,
    work: workSchema,
    maxConnections: z.int().min(1).max(65_535).default(2_048).describe('Open connections per listener.'),
  })
  .prefault({})
  .describe('Bounds on what one caller can make the service do.');

const log = z
  .strictObject({
    level: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Least severe message that is written.'),
  })
  .prefault({})
  .describe('The operational log, JSON lines on standard output. The audit log is another stream and has no setting.');

/** The server's configuration file (`muster serve --config`), as `muster init` writes it. Paths are relative to the file. */
export const serverConfigSchema = z
  .strictObject({
    apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
    kind: z.literal('ServerConfig').describe('Always `ServerConfig`.'),
    audience: z
      .string()
      .min(1)
      .max(255)
      .describe('The service’s identity, the same string that the agents have in theirs. Every quote is bound to it.'),
    listeners: z.strictObject({
      node: nodeListener,
      admin: adminListener,
      metrics: metricsListenerSchema.optional(),
      health: healthListenerSchema.optional(),
    }),
    issuer,
    nextIssuer: otherIssuer
      .optional()
      .describe('The issuing CA that will follow: in the bundle already, and signing nothing (`muster ca prepare`).'),
    retiredIssuers: z
      .array(otherIssuer)
      .max(8)
      .default([])
      .describe(
        'Issuing CAs whose certificates still count: their nodes’ heartbeats are taken, their revocation lists and OCSP answers signed. They issue nothing.',
      ),
    furtherRoots: z
      .array(path)
      .max(8)
      .default([])
      .describe('PEM files of node roots to come, and of cross-certificates between roots (`muster ca rotate-root`).'),
    store: storeSchema,
    audit: auditSchema,
    tickets,
    policy: path.describe('The policy file: pools, their segments and what their nodes must prove.'),
    kubernetes,
    snapshot: snapshot.optional(),
    stepUp: stepUpSchema,
    connectivity: connectivitySchema,
    limits,
    shutdown: shutdownSchema,
    log,
    tracing: tracingSchema.optional(),
  })
  .superRefine(({ listeners: { node, admin } }, context) => {
    if (node.port !== 0 && node.port === admin.port && node.host === admin.host) {
      context.addIssue({ code: 'custom', path: ['listeners', 'admin', 'port'], message: 'the node listener has it' });
    }
  });

/** The file as written, before defaults: what `muster init` produces. */
export type ServerConfigFile = z.input<typeof serverConfigSchema>;
/** A checked configuration; every path in it is absolute. */
export type ServerConfig = z.output<typeof serverConfigSchema>;
/** An issuing CA: its certificate with the root's, and where its key is. */
export type IssuerConfig = z.output<typeof otherIssuer>;

/** Reads and checks the file at `file`. Rejects with ConfigError and every problem in it; does not look at the files it names. */
export async function loadServerConfig(file: string): Promise<ServerConfig> {
  return parseServerConfig(await readTextFile(file), file);
}

/** Checks the text of a configuration file that stands, or will stand, at `file`. Throws ConfigError. */
export function parseServerConfig(text: string, file: string): ServerConfig {
  const config = parseDocumentText(text, file, serverConfigSchema);
  return deepFreeze(withAbsolutePaths(config, dirname(resolve(file))));
}

const environmentSchema = z.object({
  MUSTER_CONFIG: z.string().min(1).optional(),
  CREDENTIALS_DIRECTORY: z.string().min(1).optional(),
});

/** What the environment may say: where the configuration is, and where systemd put the unit's credentials. */
export interface Environment {
  readonly configFile: string | undefined;
  readonly credentialsDirectory: string | undefined;
}

/**
 * Reads the environment. Throws ConfigError on any other MUSTER_* variable: such a name is a setting misspelt. Those of the command line
 * (MUSTER_CLI_*) are not the service's to judge.
 */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const known = new Set(Object.keys(environmentSchema.shape));
  const unknown = Object.keys(env).filter((name) => /^MUSTER_(?!CLI_)/.test(name) && !known.has(name));
  if (unknown.length > 0)
    throw new ConfigError(
      'environment',
      unknown.map((name) => `${name}: unknown variable`),
    );
  const parsed = environmentSchema.safeParse(env);
  if (!parsed.success) throw new ConfigError('environment', parsed.error.issues.flatMap(describeIssue));
  return { configFile: parsed.data.MUSTER_CONFIG, credentialsDirectory: parsed.data.CREDENTIALS_DIRECTORY };
}

function withAbsolutePaths(config: ServerConfig, base: string): ServerConfig {
  const at = (name: string): string => resolve(base, name);
  const issuerAt = ({ chain, signer }: IssuerConfig): IssuerConfig => ({
    chain: at(chain),
    signer: withAbsoluteSignerPaths(signer, at),
  });
  const { node, admin, metrics, health } = config.listeners;
  return {
    ...config,
    listeners: {
      ...(health === undefined ? {} : { health }),
      ...(metrics === undefined ? {} : { metrics: withAbsoluteMetricsPaths(metrics, at) }),
      node: { ...node, certificate: at(node.certificate), key: at(node.key) },
      admin: {
        ...admin,
        certificate: at(admin.certificate),
        key: at(admin.key),
        clientCa: at(admin.clientCa),
        administrators: at(admin.administrators),
      },
    },
    issuer: issuerAt(config.issuer),
    ...(config.nextIssuer === undefined ? {} : { nextIssuer: issuerAt(config.nextIssuer) }),
    retiredIssuers: config.retiredIssuers.map(issuerAt),
    furtherRoots: config.furtherRoots.map(at),
    store: withAbsoluteStorePaths(config.store, at),
    audit: withAbsoluteAuditPaths(config.audit, at),
    tickets: { key: at(config.tickets.key) },
    policy: at(config.policy),
    kubernetes: {
      ...config.kubernetes,
      ...withAbsoluteKubeconfig(config.kubernetes, at),
      ca: at(config.kubernetes.ca),
    },
    ...(config.tracing === undefined ? {} : { tracing: withAbsoluteTracingPaths(config.tracing, at) }),
    ...(config.snapshot === undefined ? {} : { snapshot: { ...config.snapshot, key: at(config.snapshot.key) } }),
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null) deepFreeze(member);
  }
  return Object.freeze(value);
}
