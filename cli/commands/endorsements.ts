import { Command } from 'commander';

import { collect } from '../option-values.ts';

/** `muster endorsements` works on files of this machine; what does the work is given to it. */
export interface EndorsementWork {
  readonly list: (policy: string) => Promise<void>;
  readonly add: (file: string, options: { readonly to: string; readonly dryRun?: boolean }) => Promise<void>;
  readonly check: (
    file: string,
    options: { readonly policy: string; readonly pool?: string; readonly issuer?: readonly string[] },
  ) => Promise<void>;
}

/** `muster endorsements list`, `add` and `check`. */
export function endorsementCommands(work: EndorsementWork): readonly Command[] {
  const list = new Command('list')
    .description('the authorities that a policy trusts to certify EKs: who, until when, and which pools')
    .requiredOption('--policy <file>', 'the policy file')
    .addHelpText(
      'after',
      '\nExit code 1 means: one of them has expired or is weak.\n\nExamples:\n  $ muster endorsements list --policy muster/policy.yaml',
    )
    .action(async ({ policy }: { policy: string }) => work.list(policy));
  const add = new Command('add')
    .description('check TPM makers’ certificates and copy them into a directory of authorities')
    .argument('<file>', 'a certificate, a bundle or a directory of them: PEM or DER')
    .requiredOption('--to <dir>', 'the directory, as the policy’s ekAnchors names it')
    .option('--dry-run', 'check everything, write nothing')
    .addHelpText(
      'after',
      `
All of them are added, or none. Whoever adds an authority trusts it: compare the fingerprints that are printed
with those that the maker publishes. The service takes the new ones when it reads its policy again (SIGHUP).

Examples:
  $ muster endorsements add infineon-roots.pem --to muster/ek-anchors --dry-run
  $ muster endorsements add infineon-roots.pem --to muster/ek-anchors`,
    )
    .action(async (file: string, options: { to: string; dryRun?: boolean }) => work.add(file, options));
  const check = new Command('check')
    .description('say whether a policy’s pools would accept an EK certificate, and by which authority')
    .argument('<file>', 'the EK certificate: PEM, DER, or as read from TPM NV memory')
    .requiredOption('--policy <file>', 'the policy file')
    .option('--pool <name>', 'only this pool')
    .option('--issuer <file>', 'a certificate between it and an authority (may be repeated)', collect)
    .addHelpText(
      'after',
      `
The service's own check judges it. Exit code 1 means: no pool would accept it.

Examples:
  $ muster endorsements check worker-7-ek.der --policy muster/policy.yaml`,
    )
    .action(async (file: string, options: { policy: string; pool?: string; issuer?: readonly string[] }) =>
      work.check(file, options),
    );
  return [list, add, check];
}
