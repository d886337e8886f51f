import { Command } from 'commander';

import type { Muster } from './muster.ts';

type Options = Readonly<Record<string, unknown>>;

const CONFIG = ['--config <file>', 'the server’s configuration'] as const;
const DRY_RUN = ['--dry-run', 'say what would be done, and change nothing'] as const;
const NOW = ['--now', 'without asking the running service for how long agents have known'] as const;
const ROOT_OPTIONS = [
  ['--root <file>', 'PEM: the root’s certificate'],
  ['--root-key <file>', 'the root’s sealed key'],
  ['--root-passphrase-file <file>', 'what opens it'],
] as const;

/** `muster ca`: the life of the node CAs. Loaded when they are called, like every command of the server's own machine. */
export function caCommand({ terminal }: Muster): Command {
  const verb = (name: string, description: string) => new Command(name).description(description);
  const show = verb('show', 'every node CA: its place, its end, and when to replace it')
    .requiredOption(...CONFIG)
    .option('--roots', 'print the roots in PEM, for the API server’s --client-ca-file')
    .option('--count', 'also how many certificates each has issued (reads all of the store)')
    .action(async (options: Options) => {
      const { showCas } = await import('#services/commands/ca/show.ts');
      await showCas(options, terminal);
    });
  const prepare = verb('prepare', 'make the next issuing CA, and announce it; it signs nothing yet')
    .requiredOption(...CONFIG)
    .option('--request <file>', 'the root is elsewhere: write a request for it')
    .option('--certificate <file>', 'the root’s answer to the request')
    .option('--signer <file>', 'YAML with `signer`: the key is in Vault or a token already')
    .option('--public-key <file>', 'PEM: that key’s public half')
    .option('--passphrase-file <file>', 'what seals the new key; without it, what seals the present one')
    .option('--days <days>', 'how long the CA lasts, where the root is at hand')
    .option(...DRY_RUN)
    .action(async (options: Options) => {
      const { prepareCa } = await import('#services/commands/ca/prepare.ts');
      await prepareCa(options, terminal);
    });
  const sign = verb('sign', 'where the root is: answer a request with an issuing CA’s certificate')
    .argument('<request>', 'the file that `muster ca prepare --request` wrote')
    .requiredOption('--out <file>', 'where the certificate goes')
    .option('--days <days>', 'how long the CA lasts')
    .option(...DRY_RUN)
    .action(async (request: string, options: Options) => {
      const { signCaRequest } = await import('#services/commands/ca/certify.ts');
      await signCaRequest(request, options, terminal);
    });
  const activate = verb('activate', 'have the announced issuing CA sign, or go back to a retired one')
    .argument('[key-id]', 'of a retired one; without it, the announced one')
    .requiredOption(...CONFIG)
    .option('--hours <hours>', 'for how long agents must have known of it (24)')
    .option(...NOW)
    .option(...DRY_RUN)
    .action(async (keyId: string | undefined, options: Options) => {
      const { activateCa } = await import('#services/commands/ca/activate.ts');
      await activateCa(keyId, options, terminal);
    });
  const retire = verb('retire', 'take an issuing CA out that has no certificate left')
    .argument('<key-id>', 'as `muster ca show` has it; eight digits are enough')
    .requiredOption(...CONFIG)
    .option(...NOW)
    .option(...DRY_RUN)
    .action(async (keyId: string, options: Options) => {
      const { retireCa } = await import('#services/commands/ca/retire.ts');
      await retireCa(keyId, options, terminal);
    });
  const rotateRoot = verb('rotate-root', 'where the root is: make the next root, cross-signed both ways')
    .requiredOption('--passphrase-file <file>', 'what will seal the new root’s key')
    .requiredOption('--out <dir>', 'where it goes; it must not exist, or be empty')
    .option('--days <days>', 'how long the root lasts')
    .option(...DRY_RUN)
    .action(async (options: Options) => {
      const { rotateRoot: make } = await import('#services/commands/ca/rotate-root.ts');
      await make(options, terminal);
    });
  const trust = verb('trust', 'add a root that a present one has signed')
    .argument('<file>', '`node-roots.pem`, as `muster ca rotate-root` made it')
    .requiredOption(...CONFIG)
    .option(...DRY_RUN)
    .action(async (file: string, options: Options) => {
      const { trustRoots } = await import('#services/commands/ca/trust.ts');
      await trustRoots(file, options, terminal);
    });
  for (const [flags, meaning] of ROOT_OPTIONS) {
    prepare.option(flags, meaning);
    sign.requiredOption(flags, meaning);
    rotateRoot.requiredOption(flags, meaning);
  }
  const all = [show, prepare, sign, activate, retire, rotateRoot, trust];
  const command = new Command('ca')
    .description('the node CAs’ life: replace the one that issues, and the root')
    .addHelpText(
      'after',
      '\nThe whole way is in docs/operations/rotate-the-ca.md. The service reads what changed at its next start.',
    );
  for (const one of all) command.addCommand(one);
  return command;
}
