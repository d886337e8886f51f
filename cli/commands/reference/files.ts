import { Command } from 'commander';

import { collect, wholeNumber } from '../../option-values.ts';

/** `muster reference keygen`, `sign` and `diff` work on files of this machine; what does the work is given to them. */
export interface ReferenceFileWork {
  readonly keygen: (options: { readonly key: string; readonly passphraseFile?: string }) => Promise<void>;
  readonly sign: (file: string, options: { readonly key: string }) => Promise<void>;
  readonly diff: (a: string, b: string) => Promise<void>;
}

export function referenceKeygenCommand(work: ReferenceFileWork): Command {
  return new Command('keygen')
    .description('make an Ed25519 key that signs reference values')
    .requiredOption('--out <file>', 'where the private key goes; its public half goes to FILE.pub.pem')
    .option('--passphrase-file <file>', 'seal the private key under this passphrase (12 bytes or more)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster reference keygen --out release.key --passphrase-file release.pass\n  $ muster reference keygen --out ci.key',
    )
    .action(async ({ out, ...rest }: { out: string; passphraseFile?: string }) => work.keygen({ ...rest, key: out }));
}

export function referenceSignCommand(work: ReferenceFileWork): Command {
  return new Command('sign')
    .description('sign a file of reference values, in its place')
    .argument('<file>', 'the file, as `muster reference capture` wrote it and you reviewed it')
    .requiredOption('--key <file>', 'the Ed25519 private key: PEM, or sealed by `muster reference keygen`')
    .option('--passphrase-file <file>', 'opens a sealed key')
    .option('--manifest-version <number>', 'the manifest’s version', wholeNumber(1, 1_000_000_000))
    .option('--pool <name>', 'a pool that may use it (may be repeated)', collect)
    .option('--not-before <time>', 'RFC 3339 in UTC; the moment of signing where nothing says otherwise')
    .option('--expires <time>', 'RFC 3339 in UTC, or days from its beginning: 90d')
    .addHelpText(
      'after',
      `
A manifest that has expired admits nobody, so sign the next one in time; both may be valid at once.

Examples:
  $ muster reference sign reference/general.yaml --key release.key --manifest-version 3 --pool general --expires 90d`,
    )
    .action(async (file: string, options: { key: string }) => work.sign(file, options));
}

export function referenceDiffCommand(work: ReferenceFileWork): Command {
  return new Command('diff')
    .description('what differs between two files of reference values: PCRs, bank, pools and validity')
    .argument('<a>', 'a file')
    .argument('<b>', 'another')
    .addHelpText(
      'after',
      '\nExit code 1 means: they differ.\n\nExamples:\n  $ muster reference diff reference/general-2.yaml reference/general-3.yaml',
    )
    .action(async (a: string, b: string) => work.diff(a, b));
}
