import { dirname, resolve } from 'node:path';

import { z } from 'zod';

import { readDocument } from '#services/config/strict-document.ts';

const path = z.string().min(1).max(4_096);
const host = z
  .union([z.ipv4(), z.ipv6()])
  .default('127.0.0.1')
  .describe('Address to bind, as a literal. Loopback unless set: each API server has its own authorizer beside it.');

const port = z.int().min(0).max(65_535);

/** The file that `muster authorizer --config` reads. */
export const authorizerConfigSchema = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('AuthorizerConfig').describe('Always `AuthorizerConfig`.'),
  service: z
    .strictObject({
      url: z
        .url({ protocol: /^https$/ })
        .max(2_048)
        .describe('The service’s admin listener.'),
      ca: path.describe('PEM: the management CA, the only one that the service’s certificate may come from.'),
      identity: path.describe(
        'PEM: a certificate of the role `authorizer` and its private key; mode 0600 or stricter.',
      ),
    })
    .describe('Where changes come from. While it is away, what is known stays known.'),
  snapshotKey: path.describe('PEM Ed25519 public key: the other half of the service’s `snapshot.key`.'),
  stateDirectory: path.describe(
    'Directory, made if it is missing (0700), for the snapshot that a restart begins with.',
  ),
  maxAgeSeconds: z
    .int()
    .min(60)
    .max(604_800)
    .default(86_400)
    .describe('Older than this, the snapshot speaks for nobody, and nodes are denied. At least the outage to survive.'),
  allowNodeCertificateRequests: z
    .boolean()
    .default(false)
    .describe(
      'True lets nodes create CertificateSigningRequests, which kubelets need for serving certificates. A review names no signer, so it lets them ask for client certificates of the cluster’s CA too.',
    ),
  listener: z
    .strictObject({
      host,
      port: port.default(7445).describe('Port of the webhook. 0 takes a free one.'),
      certificate: path.describe('PEM: the server certificate that the API server is shown.'),
      key: path.describe('PEM private key of it; mode 0600 or stricter.'),
      clientCa: path.describe('PEM: the CA of the API server’s client certificate.'),
      clientName: z.string().min(1).max(64).describe('CN of the API server’s client certificate.'),
    })
    .describe('Where the API server calls.'),
  observer: z
    .strictObject({
      host,
      port: port.default(7446).describe('Port of `/livez`, `/readyz` and `/metrics`, plain HTTP.'),
    })
    .prefault({})
    .describe('Health and metrics.'),
  log: z
    .strictObject({
      level: z
        .enum(['error', 'warn', 'info', 'debug'])
        .default('info')
        .describe('Least severe message that is written.'),
    })
    .prefault({})
    .describe('The operational log, JSON lines on standard output.'),
});

/** A checked configuration; every path in it is absolute. */
export type AuthorizerConfig = z.output<typeof authorizerConfigSchema>;

/** Reads and checks the file at `file`. Rejects with ConfigError and every problem in it; does not look at the files it names. */
export async function loadAuthorizerConfig(file: string): Promise<AuthorizerConfig> {
  const config = await readDocument(file, authorizerConfigSchema);
  const at = (name: string): string => resolve(dirname(resolve(file)), name);
  const { service, listener } = config;
  return {
    ...config,
    service: { ...service, ca: at(service.ca), identity: at(service.identity) },
    snapshotKey: at(config.snapshotKey),
    stateDirectory: at(config.stateDirectory),
    listener: {
      ...listener,
      certificate: at(listener.certificate),
      key: at(listener.key),
      clientCa: at(listener.clientCa),
    },
  };
}
