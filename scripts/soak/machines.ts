import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { AgentConfig } from '#agent/config.ts';
import { isNodeName } from '#core/ids.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { type LabTpm, labTpm } from '#test/lab/software-tpm.ts';

/** A machine that joins again and again, one join at a time. */
export interface Machine {
  readonly name: string;
  readonly tpm: LabTpm;
}

/** Enough that none is asked to join while it does, for as long as a fault and the back-off after it last. */
export const machinesFor = (rate: number): readonly Machine[] =>
  Array.from({ length: rate * 20 }, (_, index) => ({ name: `worker-${index + 1}`, tpm: labTpm() }));

export interface Fleet {
  readonly services: readonly URL[];
  /** PEM. */
  readonly serviceCa: string;
  /** PEM. */
  readonly nodeRoot: string;
  readonly audience: string;
  /** Where the machines keep their credentials. */
  readonly folder: string;
}

/** Less than the agent's own, so that a soak ends: whoever runs out of it got no certificate, and is counted. */
const PATIENCE_SECONDS = 180;

/** Agents' configurations, which differ by name and folder alone. */
export function agentConfigs({
  services,
  serviceCa,
  nodeRoot,
  audience,
  folder,
}: Fleet): (name: string) => AgentConfig {
  const nodeCa = parsePemOf('CERTIFICATE', nodeRoot).map((der) => parseCertificate(der));
  return (name) => {
    if (!isNodeName(name)) throw new RangeError(`not a node name: ${name}`);
    const home = join(folder, name);
    mkdirSync(home, { recursive: true });
    return {
      services,
      serviceCa,
      audience,
      claimedNodeName: name,
      credentialDirectory: join(home, 'credential'),
      kubeconfigFile: join(home, 'kubelet.conf'),
      credentials: { kind: 'files' },
      nodeCa,
      kubeletConfigFile: join(home, 'kubelet.yaml'),
      tpm: { device: 'in memory', ekPreference: [], eventLogFile: 'none', imaLogFile: 'none' },
      wait: { totalSeconds: PATIENCE_SECONDS, spreadFirstSeconds: 0 },
    };
  };
}
