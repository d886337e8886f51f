import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';

import { toBase64Url, toHex, utf8 } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { Secret } from '#core/secret.ts';
import { type CeremonyResult, DEFAULT_LIFETIMES, performCeremony } from '#pki/ceremony.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { PrivateFileError } from '#pki/private-file.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { parseServerConfig } from '#services/config/config.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { LAYOUT } from './init-layout.ts';
import { type InitPlan, planInit } from './init-plan.ts';
import {
  renderAdministrators,
  renderAgentConfig,
  renderAuthorizerConfig,
  renderContext,
  renderPolicy,
  renderServerConfig,
} from './init-texts.ts';
import { assertUnused, type NewFile, writeNewDirectory } from './new-directory.ts';

/** Authorizers may follow the snapshot, and nothing else. */
const AUTHORIZER = { name: 'authorizer', role: 'authorizer' };
/** The first administrator may do everything: who comes next gets a narrower role from them. */
const FIRST_ROLE = 'cluster-administrator';
const PASSPHRASE_BYTES = 32;
const TICKET_KEY_BYTES = 32;

/**
 * Makes everything that a service begins with, in one new directory: two separate CA hierarchies with sealed keys, the server's
 * certificate, the first administrator's, configuration and policy. Whole or not at all; overwrites nothing. Throws CommandFailure.
 */
export async function init(options: unknown, terminal: CommandTerminal): Promise<void> {
  const plan = planInit(options, terminal.workingDirectory);
  assertUnused(plan.directory);
  const passphrase = await takePassphrase(plan);
  terminal.err('Making keys and certificates (a few seconds: sealing a key is slow on purpose) …\n');
  const made = await performCeremony(
    {
      organization: plan.name,
      lifetimes: DEFAULT_LIFETIMES,
      server: { dnsNames: plan.dnsNames, ipAddresses: plan.ipAddresses },
      administrator: { name: plan.administrator, role: FIRST_ROLE },
      authorizer: AUTHORIZER,
    },
    { now: terminal.now(), random: systemRandom, passphrase },
  );
  const config = renderServerConfig(plan);
  // What this command writes must be what the service reads; a fault here is a bug, and nothing has been written.
  parseServerConfig(config, join(plan.directory, LAYOUT.config));
  writeNewDirectory(
    plan.directory,
    [...textFiles(plan, made, config), ...keyFiles(plan, made, passphrase), ...snapshotKeyFiles()],
    [LAYOUT.referenceValues, LAYOUT.ekAnchors, LAYOUT.data],
  );
  terminal.out(nextSteps(plan));
}

async function takePassphrase({ passphraseFile }: InitPlan): Promise<Secret<Uint8Array>> {
  if (passphraseFile === undefined) return new Secret(utf8(toBase64Url(systemRandom(PASSPHRASE_BYTES))));
  try {
    return await readPassphrase(passphraseFile);
  } catch (error) {
    const known = error instanceof PrivateFileError || (error instanceof Error && 'code' in error);
    if (!known) throw error;
    throw new CommandFailure(EXIT.configuration, `--passphrase-file: ${error.message}`);
  }
}

function textFiles(plan: InitPlan, made: CeremonyResult, config: string): readonly NewFile[] {
  const open = (path: string, content: string): NewFile => ({ path, content, secret: false });
  const { nodeRoot, nodeIssuing, management } = made;
  return [
    open(LAYOUT.config, config),
    open(LAYOUT.policy, renderPolicy()),
    open(
      LAYOUT.administrators,
      renderAdministrators([
        [plan.administrator, fingerprintOf(made.administrator.certificatePem)],
        [AUTHORIZER.name, fingerprintOf(made.authorizer.certificatePem)],
      ]),
    ),
    open(LAYOUT.context, renderContext(plan)),
    open(LAYOUT.nodeRoot, nodeRoot.certificatePem),
    open(LAYOUT.nodeChain, nodeIssuing.certificatePem + nodeRoot.certificatePem),
    open(LAYOUT.managementCa, management.certificatePem),
    open(LAYOUT.serverCertificate, made.server.certificatePem),
    open(LAYOUT.kubernetesCa, plan.kubernetes.caPem),
    open(LAYOUT.agentConfig, renderAgentConfig(plan)),
    open(LAYOUT.agentServiceCa, management.certificatePem),
    open(LAYOUT.agentNodeCa, nodeRoot.certificatePem),
    open(LAYOUT.authorizerServiceCa, management.certificatePem),
    open(LAYOUT.authorizerConfig, renderAuthorizerConfig(plan)),
  ];
}

function keyFiles(plan: InitPlan, made: CeremonyResult, passphrase: Secret<Uint8Array>): readonly NewFile[] {
  const secret = (path: string, content: string | Uint8Array): NewFile => ({ path, content, secret: true });
  const { administrator, authorizer } = made;
  const own =
    plan.passphraseFile === undefined
      ? [secret(LAYOUT.passphrase, `${Buffer.from(passphrase.reveal()).toString()}\n`)]
      : [];
  return [
    ...own,
    secret(LAYOUT.nodeRootKey, made.nodeRoot.sealedKey),
    secret(LAYOUT.nodeIssuingKey, made.nodeIssuing.sealedKey),
    secret(LAYOUT.managementKey, made.management.sealedKey),
    secret(LAYOUT.serverKey, made.server.keyPem.reveal()),
    secret(LAYOUT.identity(plan.administrator), administrator.certificatePem + administrator.keyPem.reveal()),
    secret(LAYOUT.authorizerIdentity, authorizer.certificatePem + authorizer.keyPem.reveal()),
    secret(LAYOUT.ticketKey, `${toHex(systemRandom(TICKET_KEY_BYTES))}\n`),
  ];
}

function snapshotKeyFiles(): readonly NewFile[] {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return [
    {
      path: LAYOUT.snapshotKey,
      content: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      secret: true,
    },
    { path: LAYOUT.snapshotPublicKey, content: publicKey.export({ type: 'spki', format: 'pem' }), secret: false },
  ];
}

function fingerprintOf(pem: string): string {
  const [der] = parsePemOf('CERTIFICATE', pem);
  if (der === undefined) throw new Error('the ceremony gave no certificate');
  return certificateFingerprint(der);
}

function nextSteps({ directory, administrator, passphraseFile, ports }: InitPlan): string {
  const at = (path: string): string => join(directory, path);
  const { server, administrator: days } = DEFAULT_LIFETIMES;
  return `Made ${directory}

Next, in this order:
 1. Take ${at('offline')}/ off this machine, to two places that burn apart: the root of the node CA and the
    management CA's key. The service needs neither. Keep ${passphraseFile ?? at(LAYOUT.passphrase)} with neither of them:
    together they are the CA.
 2. Look into ${at(LAYOUT.policy)}: it is valid and admits nobody until you name your networks, your TPM
    makers' CAs and the first reference values. The comments say how.
 3. Start the service:      muster serve --config ${at(LAYOUT.config)}
 4. Speak to it:            muster --context-file ${at(LAYOUT.context)} nodes list
 5. Enrol a node:           muster --context-file ${at(LAYOUT.context)} enrol NAME --pool general --ek-cert FILE
 6. Copy ${at('for-nodes')}/ to /etc/muster/ on each node, and run: muster-agent join
 7. Put an authorizer beside each API server: docs/operations/authorizer.md; what it needs is in ${at('for-authorizers')}/

Nodes join at https port ${ports.node}, administrators call port ${ports.admin}; both on loopback until you change ${at(LAYOUT.config)}.
The server's certificate lasts ${server} days, ${administrator}'s ${days} days.
`;
}
