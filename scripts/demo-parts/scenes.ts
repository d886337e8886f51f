import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Swtpm } from '#test/lab/swtpm.ts';

import { summariseCredential } from './certificate-summary.ts';
import { API_SERVER, writeClusterCa } from './cluster.ts';
import { joinWithRecordedQuote, recordQuote } from './rogue.ts';
import { replaceLine, requestIdIn, type Story } from './story.ts';

const NODE = 'worker-1';

/** A node of the demonstration: its TPM, and its agent's configuration file. */
export interface DemoNode {
  readonly tpm: Swtpm;
  readonly configFile: string;
}

/** Makes the CAs and the configuration, and completes the policy for software TPMs of this maker. */
export async function setUp(story: Story, ports: readonly [number, number], makerCa: string): Promise<void> {
  const { narrator, folder } = story;
  const [node, admin] = ports.map(String);
  const clusterCa = await writeClusterCa(folder, new Date());
  const kubernetes = ['--kubernetes-url', API_SERVER, '--kubernetes-ca', clusterCa];
  const args = ['init', '--dir', 'muster', '--node-port', node ?? '', '--admin-port', admin ?? '', ...kubernetes];
  await story.run({ program: 'muster', args, exitCode: 0, show: 2 });
  narrator.say(
    'The first policy is valid and admits nobody. This demonstration lets software TPMs in, and trusts their maker:',
  );
  await writeFile(join(folder, 'muster/ek-anchors/swtpm-maker.pem'), makerCa);
  await replaceLine(story, 'muster/policy.yaml', 'ekAnchors: []', 'ekAnchors: [ek-anchors/swtpm-maker.pem]');
  await replaceLine(story, 'muster/policy.yaml', 'allowSoftwareTpm: false', 'allowSoftwareTpm: true');
  await story.run({ program: 'muster', args: ['policy', 'check', 'muster/policy.yaml'], exitCode: 0 });
}

/** Writes the agent's configuration for a node with this TPM. */
export async function configureAgent(story: Story, tpm: Swtpm, nodePort: number, who: string): Promise<DemoNode> {
  const configFile = join(story.folder, who, 'agent.yaml');
  const at = (path: string): string => JSON.stringify(join(story.folder, path));
  await writeFile(
    configFile,
    `apiVersion: muster/v1
kind: AgentConfig
services: [https://127.0.0.1:${nodePort}]
serviceCaFile: ${at('muster/for-nodes/service-ca.pem')}
nodeCaFile: ${at('muster/for-nodes/node-ca.pem')}
audience: muster
nodeName: ${NODE}
credentialDirectory: ${at(`${who}/credential`)}
kubeconfigFile: ${at(`${who}/kubelet.conf`)}
tpm:
  device: ${JSON.stringify(tpm.address)}
wait:
  total: 20s
`,
  );
  return { tpm, configFile };
}

/** Measures into the node's PCRs what firmware and boot loaders would: swtpm comes without either. */
export async function bootGood({ tpm }: DemoNode): Promise<void> {
  const boot: readonly (readonly [pcr: number, what: string])[] = [
    [0, 'firmware'],
    [2, 'option ROMs'],
    [4, 'boot loader'],
    [5, 'partition table'],
    [7, 'Secure Boot state'],
  ];
  for (const [pcr, what] of boot) await tpm.extendPcr(pcr, Buffer.from(what));
}

/** Enrols the node by its EK certificate. */
export async function enrol(story: Story, { tpm }: DemoNode): Promise<void> {
  const certificate = tpm.ekCertificates.get('rsa-2048');
  if (certificate === undefined) throw new Error('the software TPM has no EK certificate');
  await writeFile(join(story.folder, 'node/ek.der'), certificate);
  const args = ['enrol', NODE, '--pool', 'general', '--ek-cert', 'node/ek.der'];
  await story.run({ program: 'muster', args, exitCode: 0 });
}

/** The first join is refused, for nothing is known good yet; its verified PCR values become the first reference values. */
export async function captureReferenceValues(story: Story): Promise<void> {
  const { narrator } = story;
  narrator.say('Nothing is known good yet, so the first join must fail. Its quote is verified all the same:');
  const refused = await story.run({
    program: 'muster-agent',
    args: ['join', '--config', 'node/agent.yaml'],
    exitCode: 77,
  });
  const id = requestIdIn(refused.err);
  await expectDenial(story, id, 'reference-values-missing');
  narrator.say(
    'We trust this machine as it is now, so its proven PCR values become a file for review, and the policy names it:',
  );
  const out = 'muster/reference/general.yaml';
  await story.run({ program: 'muster', args: ['reference', 'capture', '--join', id, '--out', out], exitCode: 0 });
  await replaceLine(story, 'muster/policy.yaml', 'referenceValues: []', 'referenceValues: [reference/general.yaml]');
  await story.run({ program: 'muster', args: ['policy', 'check', 'muster/policy.yaml'], exitCode: 0 });
}

/** The join, and what it leaves: the certificate, the kubeconfig, the node table. */
export async function joinNode(story: Story): Promise<void> {
  const { narrator, folder } = story;
  const read = (path: string): Promise<string> => readFile(join(folder, path), 'utf8');
  const joined = await story.run({
    program: 'muster-agent',
    args: ['join', '--config', 'node/agent.yaml'],
    exitCode: 0,
  });
  const credential = /credential is in (\S+\.pem)/.exec(joined.err)?.[1];
  if (credential === undefined) throw new Error(`the agent named no credential:\n${joined.err}`);
  narrator.say('The certificate, whose chain was just verified to the root that is kept offline:');
  narrator.output(summariseCredential(await readFile(credential, 'utf8'), await read('muster/pki/node-root.pem')));
  narrator.say('The kubelet’s kubeconfig:');
  narrator.output((await read('node/kubelet.conf')).replaceAll(/(certificate-authority-data: \S{16})\S+/g, '$1…'));
  narrator.say('And the inventory:');
  await story.run({ program: 'muster', args: ['nodes', 'list'], exitCode: 0 });
}

/** A TPM of the same maker, that nobody enrolled, under the node's name. */
export async function refuseStranger(story: Story): Promise<void> {
  story.narrator.say('Another genuine TPM of the same trusted maker says that it is worker-1. Nobody enrolled it:');
  await refuse(story, 'stranger/agent.yaml', 'ek-not-enrolled');
}

/** The enrolled TPM, after something else was measured into PCR 4. Resolves to a quote from before. */
export async function refuseAltered(story: Story, node: DemoNode) {
  const recorded = await recordQuote(node.configFile);
  story.narrator.say(
    'The enrolled machine boots something else: another boot loader is measured into PCR 4. Same TPM, same name:',
  );
  await node.tpm.extendPcr(4, Buffer.from('another boot loader'));
  await refuse(story, 'node/agent.yaml', 'pcr-mismatch');
  return recorded;
}

/** The altered machine again, with a quote that it made before it was altered. */
export async function refuseReplay(story: Story, node: DemoNode, recorded: Awaited<ReturnType<typeof recordQuote>>) {
  const { narrator } = story;
  narrator.say(
    'The same altered machine kept a quote from before, genuine and with the good PCR values. It answers a new challenge with its real TPM, and shows the old quote:',
  );
  const outcome = await joinWithRecordedQuote(node.configFile, recorded);
  if (outcome.status !== 'refused' || outcome.requestId === undefined)
    throw new Error(`a replay was ${outcome.status}`);
  narrator.output(`the service answers: ${outcome.problem ?? ''}`);
  await expectDenial(story, outcome.requestId, 'nonce-mismatch');
}

async function refuse(story: Story, config: string, code: string): Promise<void> {
  const args = ['join', '--config', config];
  const refused = await story.run({ program: 'muster-agent', args, exitCode: 77, show: 6 });
  await expectDenial(story, requestIdIn(refused.err), code);
}

/** Reads the reason back from the audit log, shows it, and throws unless it is `code` and nothing else. */
async function expectDenial(story: Story, id: string, code: string): Promise<void> {
  const { narrator } = story;
  const program = 'muster';
  narrator.command([program, 'joins', 'show', id]);
  const { out } = await story.ask({ program, args: ['joins', 'show', id], exitCode: 0 });
  narrator.output(out.slice(0, out.indexOf('\nNO ')));
  const { out: json } = await story.ask({ program, args: ['joins', 'show', id, '-o', 'json'], exitCode: 0 });
  const denials: readonly { readonly code: string }[] = JSON.parse(json).denials;
  if (denials.length === 0 || denials.some((denial) => denial.code !== code)) {
    throw new Error(`refused for ${JSON.stringify(denials)}, not for ${code}`);
  }
  narrator.good(`refused, and the audit log says why: ${code}`);
}
