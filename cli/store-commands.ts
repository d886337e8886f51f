import { Command } from 'commander';

import type { Muster } from './muster.ts';
import { collect } from './option-values.ts';

type Options = Readonly<Record<string, unknown>>;

const CONFIG = ['--config <file>', 'the server’s configuration'] as const;

/** `muster store`, `backup` and `restore`: on the server's own machine, and loaded when they are called. */
export const storeCommands = (muster: Muster): readonly Command[] => [
  storeCommand(muster),
  backupCommand(muster),
  restoreCommand(muster),
];

function storeCommand({ terminal }: Muster): Command {
  const migrate = new Command('migrate')
    .description('bring the database to this program’s schema; a start does the same')
    .requiredOption(...CONFIG)
    .action(async (options: Options) => {
      const { migrateStore } = await import('#services/commands/store.ts');
      await migrateStore(options, terminal);
    });
  const check = new Command('check')
    .description('read everything in the database and verify its audit log; the service may run')
    .requiredOption(...CONFIG)
    .action(async (options: Options) => {
      const { checkStore } = await import('#services/commands/store.ts');
      await checkStore(options, terminal);
    });
  const copy = new Command('copy')
    .description('copy everything to another database, as from SQLite to PostgreSQL; stop the service first')
    .requiredOption('--from <file>', 'the configuration with the store as it is')
    .requiredOption('--to <file>', 'the configuration with the store to fill, which must be empty')
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster store copy --from /etc/muster/muster.yaml --to /etc/muster/muster-postgres.yaml',
    )
    .action(async (options: Options) => {
      const { copyStore } = await import('#services/commands/store.ts');
      await copyStore(options, terminal);
    });
  return new Command('store').description('the database').addCommand(migrate).addCommand(check).addCommand(copy);
}

function backupCommand({ terminal }: Muster): Command {
  return new Command('backup')
    .description('write everything that the service knows to an encrypted file, with a signed manifest beside it')
    .requiredOption(...CONFIG)
    .requiredOption('--out <file>', 'the backup; it must not exist')
    .requiredOption('--sign-key <file>', 'Ed25519 private key (muster reference keygen makes one)')
    .option('--recipient <age1…>', 'who can open it: an age recipient (may be repeated)', collect)
    .option('--passphrase-file <file>', 'or a passphrase, 12 characters or more')
    .option('--include-secrets', 'also every file of the configuration’s directory: the CA’s sealed key among them')
    .addHelpText(
      'after',
      `
The service may run: the backup is of one moment. Any age tool opens it.

Examples:
  $ muster backup --config /etc/muster/muster.yaml --out muster.age --sign-key backup.key \\
      --recipient age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq`,
    )
    .action(async (options: Options) => {
      const { backup } = await import('#services/commands/backup.ts');
      await backup(options, terminal);
    });
}

function restoreCommand({ terminal }: Muster): Command {
  return new Command('restore')
    .description('verify a backup and write it to an empty database')
    .argument('<file>', 'the backup; its manifest is beside it')
    .requiredOption('--signed-by <file>', 'PEM: the public key whose backups you take')
    .option('--config <file>', 'the server’s configuration, whose store must be empty')
    .option('--verify', 'only verify; write nothing')
    .option('--identity-file <file>', 'age identities that open it')
    .option('--passphrase-file <file>', 'or its passphrase')
    .option('--secrets-to <dir>', 'where to write the secrets, where it has them')
    .addHelpText(
      'after',
      `
Examples:
  $ muster restore muster.age --verify --signed-by backup.key.pub.pem --identity-file identities.txt
  $ muster restore muster.age --config /etc/muster/muster.yaml --signed-by backup.key.pub.pem --identity-file identities.txt`,
    )
    .action(async (file: string, options: Options) => {
      const { restore } = await import('#services/commands/backup.ts');
      await restore(file, options, terminal);
    });
}
