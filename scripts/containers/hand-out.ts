import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { LAYOUT } from '#services/commands/init-layout.ts';

import { writePublic, writeSecret } from './files.ts';
import { DEMO_NODE, type OperatorFiles } from './operator-files.ts';

/** Gives each container its files and no other's: what it holds can be taken from it. */
export function handOutInfrastructure(files: OperatorFiles, volumes: string): void {
  const { service, infrastructure, monitor } = files;
  const at = (path: string): string => join(volumes, path);
  for (const server of ['postgres', 'openbao']) {
    writePublic(at(`${server}/server.pem`), readFileSync(infrastructure(`${server}.pem`)));
    writeSecret(at(`${server}/server.key`), readFileSync(infrastructure(`${server}.key`)));
    writePublic(at(`${server}/ca.pem`), readFileSync(files.infrastructureCa));
  }
  for (const secret of ['postgres-password', 'database-password'])
    writeSecret(at(`postgres/${secret}`), readFileSync(infrastructure(secret)));
  for (const secret of ['role-id', 'secret-id', 'seal.key'])
    writeSecret(at(`openbao/${secret}`), readFileSync(infrastructure(secret)));
  writePublic(at('prometheus/ca.pem'), readFileSync(join(service, LAYOUT.managementCa)));
  writePublic(at('prometheus/monitor.pem'), readFileSync(monitor.certificate));
  writeSecret(at('prometheus/monitor.key'), readFileSync(monitor.key));
  writePublic(at('node/service-ca.pem'), readFileSync(join(service, LAYOUT.agentServiceCa)));
  writePublic(at('node/node-ca.pem'), readFileSync(join(service, LAYOUT.agentNodeCa)));
  writePublic(at('node/agent.yaml'), AGENT_CONFIG);
}

/** What `muster serve` reads. No CA's key is among it: the one that signs is in OpenBao, the others stay with the operator. */
const SERVICE_FILES = [
  LAYOUT.config,
  LAYOUT.policy,
  LAYOUT.administrators,
  `${LAYOUT.referenceValues}/*`,
  `${LAYOUT.ekAnchors}/*`,
  'infrastructure-ca.pem',
  'pki/*.pem',
];
const SERVICE_SECRETS = [
  LAYOUT.serverKey,
  LAYOUT.ticketKey,
  LAYOUT.snapshotKey,
  'secrets/database-password',
  'secrets/role-id',
  'secrets/secret-id',
];

/** The service's own files, once its configuration is complete. */
export function handOutService({ service }: OperatorFiles, volumes: string): void {
  const to = (path: string): string => join(volumes, 'muster', path);
  for (const path of globSync(SERVICE_FILES, { cwd: service }))
    writePublic(to(path), readFileSync(join(service, path)));
  for (const path of SERVICE_SECRETS) writeSecret(to(path), readFileSync(join(service, path)));
}

const AGENT_CONFIG = `apiVersion: muster/v1
kind: AgentConfig
services: [https://muster-1:7443, https://muster-2:7443]
serviceCaFile: /etc/muster/service-ca.pem
nodeCaFile: /etc/muster/node-ca.pem
audience: muster
nodeName: ${DEMO_NODE.name}
# Where a kubelet would find it; this node has none.
kubeconfigFile: /run/muster-agent/kubelet.conf
tpm:
  device: swtpm:unix:/run/tpm/socket
`;
