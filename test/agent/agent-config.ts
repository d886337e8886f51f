import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { certificatePem } from '#test/lab/service-pki.ts';

import { AUDIENCE, type FakeJoinService } from './fake-join-service.ts';

/** Writes the configuration of an agent that joins `service` with the TPM at `device`, all its files in `directory`, and returns its path. */
export async function writeAgentConfig(
  { directory, service, device }: { directory: string; service: FakeJoinService; device: string },
  override: object = {},
): Promise<string> {
  const file = join(directory, 'agent.yaml');
  const caFile = join(directory, 'ca.pem');
  const nodeCaFile = join(directory, 'node-ca.pem');
  await writeFile(caFile, service.caPem);
  await writeFile(nodeCaFile, certificatePem(service.nodeCa.root.certificate));
  const document = {
    apiVersion: 'muster/v1',
    kind: 'AgentConfig',
    services: [service.url.origin],
    serviceCaFile: caFile,
    nodeCaFile,
    audience: AUDIENCE,
    nodeName: 'worker-7',
    credentialDirectory: join(directory, 'credential'),
    kubeconfigFile: join(directory, 'kubelet.conf'),
    kubeletConfigFile: join(directory, 'kubelet.yaml'),
    tpm: { device },
    wait: { total: '2s' },
    ...override,
  };
  await writeFile(file, stringify(document));
  return file;
}
