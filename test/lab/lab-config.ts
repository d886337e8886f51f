import { type ServerConfig, serverConfigSchema } from '#services/config/config.ts';

import { AUDIENCE } from './join-lab.ts';

/** A configuration on free ports, metrics on loopback unless said. Paths that the service does not read while it runs point nowhere. */
export function labConfig(
  host: string,
  administrators: string,
  override: object & { readonly metrics?: object; readonly health?: object } = {},
): ServerConfig {
  const { metrics = { access: 'loopback', port: 0 }, health = { port: 0 }, ...members } = override;
  const listener = { host, port: 0, certificate: 'none', key: 'none' };
  return serverConfigSchema.parse({
    apiVersion: 'muster/v1',
    kind: 'ServerConfig',
    audience: AUDIENCE,
    listeners: { node: listener, admin: { ...listener, clientCa: 'none', administrators }, metrics, health },
    issuer: { chain: 'none', signer: { kind: 'file', key: 'none', passphrase: { kind: 'file', path: 'none' } } },
    store: { kind: 'sqlite', path: 'none' },
    tickets: { key: 'none' },
    policy: 'none',
    kubernetes: { apiServer: 'https://k8s.lab.example', ca: 'none' },
    // One TPM joins as often as a hundred would.
    limits: { rates: { perEk: { burst: 100_000, perMinute: 100_000 } } },
    ...members,
  });
}
