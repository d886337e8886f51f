import { Command, Option } from 'commander';

import { caCommand } from './ca-commands.ts';
import { storeCommands } from './store-commands.ts';
import { keysAddCommand } from './commands/admin/keys-add.ts';
import { auditExportStatusCommand } from './commands/audit/export-status.ts';
import { auditTailCommand } from './commands/audit/tail.ts';
import { auditVerifyCommand } from './commands/audit/verify.ts';
import { certsListCommand } from './commands/certs/list.ts';
import { certsRevokeCommand } from './commands/certs/revoke.ts';
import { certsShowCommand } from './commands/certs/show.ts';
import { completionCommand } from './commands/completion.ts';
import { endorsementCommands } from './commands/endorsements.ts';
import { enrolCommand } from './commands/enrol.ts';
import { joinsShowCommand } from './commands/joins/show.ts';
import { nodesApproveCommand } from './commands/nodes/approve.ts';
import { nodeChangeCommands } from './commands/nodes/change.ts';
import { nodesExportCommand } from './commands/nodes/export.ts';
import { nodesHistoryCommand } from './commands/nodes/history.ts';
import { nodesListCommand } from './commands/nodes/list.ts';
import { nodesPendingCommand } from './commands/nodes/pending.ts';
import { nodesRefuseCommand } from './commands/nodes/refuse.ts';
import { nodesRenewCommand } from './commands/nodes/renew.ts';
import { nodesShowCommand } from './commands/nodes/show.ts';
import { nodesWatchCommand } from './commands/nodes/watch.ts';
import { policyCaptureCommand } from './commands/policy/capture.ts';
import { policyExplainCommand } from './commands/policy/explain.ts';
import { policyStatusCommand } from './commands/policy/status.ts';
import { policyTestCommand } from './commands/policy/test.ts';
import { referenceCaptureCommand } from './commands/reference/capture.ts';
import { referenceDiffCommand, referenceKeygenCommand, referenceSignCommand } from './commands/reference/files.ts';
import { referenceListCommand } from './commands/reference/list.ts';
import { referenceRetireCommand } from './commands/reference/retire.ts';
import { tokensCreateCommand } from './commands/tokens/create.ts';
import { tokensListCommand } from './commands/tokens/list.ts';
import { tokensRevokeCommand } from './commands/tokens/revoke.ts';
import type { Muster } from './muster.ts';
import { OUTPUT_FORMATS } from './render/output.ts';
import {
  endorsementWork,
  policyCaptureWork,
  policyTestWork,
  referenceFileWork,
  serverCommands,
} from './server-commands.ts';

const EXIT_CODES = `
Exit codes:
   0  done
   1  done, and the answer is no: the log does not verify, the policy is not valid, there is no such node
  64  the command line is wrong
  65  a file of nodes has lines that cannot be used; nothing was enrolled
  69  the service does not answer, or cannot now: try again
  70  a bug, or an answer that cannot be understood
  73  a file cannot be written, or exists already and was left as it is
  77  not allowed
  78  a configuration file is missing or wrong

\`muster --version\` prints the version. Everything is described in docs/cli.md.`;

/** Looked for before the command line is parsed: every command then finds nobody at the terminal. */
export const NO_INPUT = '--no-input';

const noun = (name: string, description: string, ...verbs: readonly Command[]): Command => {
  const command = new Command(name).description(description);
  for (const verb of verbs) command.addCommand(verb);
  return command;
};

/** The whole command line. `setExitCode` gets the code of a command that ends with an answer of "no". */
export function buildProgram(muster: Muster, setExitCode: (code: number) => void): Command {
  const program = new Command('muster')
    .description('Decides which machines may become Kubernetes nodes: the service, and its administrator’s command.')
    .helpCommand(false)
    .option(
      '--context-file <file>',
      'which service, and as whom: default $MUSTER_CLI_CONFIG, ./muster/cli.yaml, ~/.config/muster/cli.yaml',
    )
    .addOption(
      new Option('-o, --output <format>', 'tables for people, the others for programs')
        .choices(OUTPUT_FORMATS)
        .default('table'),
    )
    .option(NO_INPUT, 'ask nothing: neither a question nor a touch of a security key')
    .addHelpText('after', EXIT_CODES);
  const [init, serve, policy, authorizer, kubernetes, status] = serverCommands(muster, setExitCode);
  policy
    ?.addCommand(policyStatusCommand(muster, setExitCode))
    .addCommand(policyExplainCommand(muster))
    .addCommand(policyTestCommand(muster, policyTestWork(muster, setExitCode)))
    .addCommand(policyCaptureCommand(muster, policyCaptureWork(muster)));
  const files = referenceFileWork(muster, setExitCode);
  const administration = [
    enrolCommand(muster),
    noun(
      'nodes',
      'the inventory',
      nodesListCommand(muster),
      nodesShowCommand(muster),
      nodesHistoryCommand(muster),
      nodesWatchCommand(muster),
      nodesRenewCommand(muster),
      nodesExportCommand(muster),
      nodesPendingCommand(muster),
      nodesApproveCommand(muster),
      nodesRefuseCommand(muster),
      ...nodeChangeCommands(muster),
    ),
    noun(
      'tokens',
      'let a machine without a TPM enrol its own key',
      tokensCreateCommand(muster),
      tokensListCommand(muster),
      tokensRevokeCommand(muster),
    ),
    noun(
      'certs',
      'certificates, and their end',
      certsListCommand(muster),
      certsShowCommand(muster),
      certsRevokeCommand(muster),
    ),
    noun('joins', 'what became of a join', joinsShowCommand(muster)),
    noun(
      'reference',
      'known-good PCR values',
      referenceCaptureCommand(muster),
      referenceListCommand(muster),
      referenceRetireCommand(muster),
      referenceDiffCommand(files),
      referenceSignCommand(files),
      referenceKeygenCommand(files),
    ),
    noun('endorsements', 'TPM makers’ authorities', ...endorsementCommands(endorsementWork(muster, setExitCode))),
    noun(
      'admin',
      'what makes you an administrator',
      noun('keys', 'security keys, the second factor', keysAddCommand(muster)),
    ),
    noun(
      'audit',
      'the audit log',
      auditTailCommand(muster),
      auditVerifyCommand(muster, setExitCode),
      noun('export', 'the audit log on its way out', auditExportStatusCommand(muster)),
    ),
  ];
  for (const command of [init, serve, status, authorizer, kubernetes, caCommand(muster), ...storeCommands(muster)])
    if (command !== undefined) program.addCommand(command.helpGroup('On the server:'));
  for (const command of administration) program.addCommand(command.helpGroup('Administration:'));
  if (policy !== undefined) program.addCommand(policy.helpGroup('Administration:'));
  program.addCommand(completionCommand(muster, program).helpGroup('Other:'));
  prepare(program, muster);
  return program;
}

/** Settings that commander does not hand down to commands that were built apart. */
function prepare(command: Command, muster: Muster): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: muster.terminal.out, writeErr: muster.terminal.err })
    .showHelpAfterError('See --help.');
  for (const child of command.commands) prepare(child, muster);
}
