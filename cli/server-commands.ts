import { Command } from 'commander';

import { collect } from './option-values.ts';
import type { EndorsementWork } from './commands/endorsements.ts';
import type { PolicyCaptureWork } from './commands/policy/capture.ts';
import type { PolicyTestWork } from './commands/policy/test.ts';
import type { ReferenceFileWork } from './commands/reference/files.ts';
import { authorizerCommand, kubernetesCommand, type KubernetesWork } from './kubernetes-commands.ts';
import type { Muster } from './muster.ts';
import { statusCommand, type StatusWork } from './status-command.ts';

/**
 * The commands that run on the server's own machine. They live in `services/commands/`, and are loaded when they are called: the rest
 * of the command line speaks HTTPS and needs none of the server.
 */
export function serverCommands(muster: Muster, setExitCode: (code: number) => void): readonly Command[] {
  return [
    initCommand(muster),
    serveCommand(muster),
    policyCommand(muster, setExitCode),
    authorizerCommand(kubernetesWork(muster, setExitCode)),
    kubernetesCommand(kubernetesWork(muster, setExitCode)),
    statusCommand(muster, statusWork(muster), setExitCode),
    ticketKeyCommand(muster),
  ];
}

function initCommand({ terminal }: Muster): Command {
  return new Command('init')
    .description('make everything a new service needs: its CAs, certificates, keys, configuration and first policy')
    .requiredOption('--dir <dir>', 'where to put it; it must not exist, or be empty')
    .option('--name <name>', 'the service’s name, in its CAs’ subjects and as the audience of every quote', 'muster')
    .option('--dns <name>', 'a DNS name that nodes or administrators reach the service by (may be repeated)', collect)
    .option('--ip <address>', 'an IP address of the same kind (may be repeated; loopback is always in)', collect)
    .option('--admin <name>', 'the first administrator', 'admin')
    .option('--passphrase-file <file>', 'take the passphrase of the sealed keys from here, instead of making one')
    .requiredOption('--kubernetes-url <url>', 'the API server that joined nodes are sent to')
    .requiredOption('--kubernetes-ca <file>', 'PEM: the CA of that API server')
    .option('--node-port <port>', 'where nodes join', '7443')
    .option('--admin-port <port>', 'where administrators call', '7444')
    .addHelpText(
      'after',
      `
Nothing is overwritten. Files with secrets get mode 0600, their directories 0700. The command ends by saying
what to do next; the first thing is to take the root's key off this machine.

Examples:
  $ muster init --dir ./muster --kubernetes-url https://10.0.0.4:6443 --kubernetes-ca /etc/kubernetes/pki/ca.crt
  $ muster init --dir /etc/muster --name prod-eu --dns muster.example.net --ip 10.0.0.5 --admin alice \\
      --kubernetes-url https://api.example.net:6443 --kubernetes-ca ca.crt`,
    )
    .action(async (options: Readonly<Record<string, unknown>>) => {
      const { init } = await import('#services/commands/init.ts');
      await init(options, terminal);
    });
}

function serveCommand({ terminal }: Muster): Command {
  return new Command('serve')
    .description('run the service until it is stopped (SIGTERM, SIGINT)')
    .option('--config <file>', 'the configuration; without it $MUSTER_CONFIG')
    .option('--check-config', 'read and check everything the service reads at its start, then exit')
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster serve --config muster/muster.yaml\n  $ muster serve --config muster/muster.yaml --check-config',
    )
    .action(async (options: Readonly<Record<string, unknown>>) => {
      const { serve } = await import('#services/commands/serve.ts');
      await serve(options, terminal);
    });
}

function ticketKeyCommand({ terminal }: Muster): Command {
  const rotate = new Command('rotate')
    .description('add a key to the file that challenges are sealed with, and take out those that are done')
    .requiredOption('--key <file>', 'the file that tickets.key names')
    .option('--after <minutes>', 'until the new key seals: the time to give every replica the file', '15')
    .option('--at-once', 'keep none of the keys before: for one that somebody else may have')
    .addHelpText(
      'after',
      `
The new key opens as soon as a replica has read the file (SIGHUP), and seals from the time that the file says:
replicas that read it before that time never meet a ticket that they cannot open.

Examples:
  $ muster ticket-key rotate --key /etc/muster/secrets/ticket.key
  $ muster ticket-key rotate --key /etc/muster/secrets/ticket.key --at-once`,
    )
    .action(async ({ key, after, atOnce }: { key: string; after: string; atOnce?: true }) => {
      const { rotateTicketKey } = await import('#services/commands/ticket-key.ts');
      await rotateTicketKey({ key, afterMinutes: Number(after), atOnce: atOnce === true }, terminal);
    });
  return new Command('ticket-key').description('the keys that challenges are sealed with').addCommand(rotate);
}

function policyCommand({ terminal }: Muster, setExitCode: (code: number) => void): Command {
  const check = new Command('check')
    .description('say whether a policy file, with every file it names, is one that the service would take')
    .argument('<file>', 'the policy file')
    .addHelpText(
      'after',
      `
The service's own reader judges it, so what passes here is taken there. Every fault is named at once, with its line.

Exit code 1 means: the policy is not valid.

Examples:
  $ muster policy check policy.yaml`,
    )
    .action(async (file: string) => {
      const { checkPolicy } = await import('#services/commands/policy-check.ts');
      setExitCode(await checkPolicy(file, terminal));
    });
  return new Command('policy')
    .description('the policy: which pools there are and what their nodes must prove')
    .addCommand(check);
}

/** What `muster policy test` does with a policy file of this machine. */
export const policyTestWork =
  ({ terminal }: Muster, setExitCode: (code: number) => void): PolicyTestWork =>
  async (file, world) => {
    const { testPolicy } = await import('#services/commands/policy-test.ts');
    setExitCode(await testPolicy(file, world, terminal));
  };

/** What `muster policy capture` does with a join and files of this machine. */
export const policyCaptureWork =
  ({ terminal }: Muster): PolicyCaptureWork =>
  async (join, files) => {
    const { capturePolicy } = await import('#services/commands/policy-capture.ts');
    await capturePolicy(join, files, terminal);
  };

/** What `muster reference keygen`, `sign` and `diff` do with this machine's files. */
export const referenceFileWork = ({ terminal }: Muster, setExitCode: (code: number) => void): ReferenceFileWork => ({
  keygen: async (options) => {
    const { makeReferenceKey } = await import('#services/commands/reference-key.ts');
    await makeReferenceKey(options, terminal);
  },
  sign: async (file, options) => {
    const { signReferenceValues } = await import('#services/commands/reference-sign.ts');
    await signReferenceValues(file, options, terminal);
  },
  diff: async (a, b) => {
    const { diffReferenceValues } = await import('#services/commands/reference-diff.ts');
    setExitCode(await diffReferenceValues(a, b, terminal));
  },
});

/** What `muster endorsements` does with this machine's files. */
export const endorsementWork = ({ terminal }: Muster, setExitCode: (code: number) => void): EndorsementWork => ({
  list: async (policy) => {
    const { listEndorsements } = await import('#services/commands/endorsements.ts');
    setExitCode(await listEndorsements(policy, terminal));
  },
  add: async (file, options) => {
    const { addEndorsements } = await import('#services/commands/endorsements-add.ts');
    await addEndorsements(file, options, terminal);
  },
  check: async (file, options) => {
    const { checkEndorsement } = await import('#services/commands/endorsements-check.ts');
    setExitCode(await checkEndorsement(file, options, terminal));
  },
});

/** What `muster status` asks on this machine. */
const statusWork =
  ({ terminal }: Muster): StatusWork =>
  async (options) => {
    const { askStatus } = await import('#services/commands/status/status.ts');
    return askStatus(options, terminal);
  };

/** What `muster authorizer` and `muster kubernetes` do on this machine. */
const kubernetesWork = ({ terminal }: Muster, setExitCode: (code: number) => void): KubernetesWork => ({
  authorizer: async (options) => {
    const { authorizer } = await import('#services/commands/authorizer.ts');
    await authorizer(options, terminal);
  },
  config: async (options) => {
    const { printKubernetesConfig } = await import('#services/commands/kubernetes-config.ts');
    printKubernetesConfig(options, terminal);
  },
  identity: async (options) => {
    const { renewAuthorizerIdentity } = await import('#services/commands/kubernetes-identity.ts');
    await renewAuthorizerIdentity(options, terminal);
  },
  doctor: async (options) => {
    const { kubernetesDoctor } = await import('#services/commands/kubernetes-doctor.ts');
    setExitCode(await kubernetesDoctor(options, terminal));
  },
});
