import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an Ignition file for a node is made from. */
export interface IgnitionPlan {
  /** The agent's program: where it is fetched, and its SHA-256 from the `.sha256` file beside it. */
  readonly program: { readonly url: string; readonly sha256: string };
  /** Text of the three files of `for-nodes/`. */
  readonly agentConfig: string;
  readonly serviceCa: string;
  readonly nodeCa: string;
}

const PROGRAM = '/opt/bin/muster-agent';

/** An Ignition file (specification 3.4.0) that installs the agent and its units on a system without packages, such as Flatcar. `root` is the checkout. */
export function renderIgnition(root: string, { program, agentConfig, serviceCa, nodeCa }: IgnitionPlan): string {
  const unit = readFileSync(join(root, 'deploy/systemd/muster-agent.service'), 'utf8');
  const dropIn = readFileSync(join(root, 'deploy/systemd/kubelet.service.d/20-muster.conf'), 'utf8');
  const file = (path: string, mode: number, text: string) => ({
    path,
    mode,
    overwrite: true,
    contents: { source: `data:,${encodeURIComponent(text)}` },
  });
  const verification = { hash: `sha256-${program.sha256}` };
  const document = {
    ignition: { version: '3.4.0' },
    // The unit's supplementary group; the system has it where its TPM device belongs to it.
    passwd: { groups: [{ name: 'tss', system: true }] },
    storage: {
      files: [
        { path: PROGRAM, mode: 0o755, contents: { source: program.url, verification } },
        file('/etc/muster/agent.yaml', 0o640, agentConfig),
        file('/etc/muster/service-ca.pem', 0o644, serviceCa),
        file('/etc/muster/node-ca.pem', 0o644, nodeCa),
      ],
    },
    systemd: {
      units: [
        { name: 'muster-agent.service', enabled: true, contents: unit.replaceAll('/usr/bin/muster-agent', PROGRAM) },
        { name: 'kubelet.service', dropins: [{ name: '20-muster.conf', contents: dropIn }] },
      ],
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
