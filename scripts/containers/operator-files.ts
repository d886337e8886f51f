import { join } from 'node:path';

/** What the operator's volume holds, and no service mounts: everything the jobs made, the CAs' keys among it. */
export const operatorFiles = (volumes: string) => {
  const at = (path: string): string => join(volumes, 'operator', path);
  return {
    /** Written last by `prepare`: without it, what is there is unfinished. */
    done: at('prepared'),
    /** As `muster init` made it. */
    service: at('muster'),
    context: at('cli.yaml'),
    /** What stands for the API server's CA: there is no cluster. */
    clusterCa: at('cluster-ca.pem'),
    infrastructureCa: at('infrastructure/ca.pem'),
    infrastructure: (name: string): string => at(join('infrastructure', name)),
    /** Who Prometheus is to the service. */
    monitor: { certificate: at('monitor.pem'), key: at('monitor.key') },
  };
};

export type OperatorFiles = ReturnType<typeof operatorFiles>;

/** The demonstration's node, and the CA and EK certificates that its software TPM's maker wrote. */
export const DEMO_NODE = {
  name: 'demo-node',
  pool: 'general',
  makerCa: (volumes: string): string => join(volumes, 'tpm/maker.pem'),
  ekCertificate: (volumes: string): string => join(volumes, 'tpm/ek-rsa2048.crt'),
} as const;
