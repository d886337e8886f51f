import { Command } from 'commander';

import type { AuditLogFault } from '#core/audit-chain.ts';
import { EXIT } from '#core/exit-code.ts';
import { unreachable } from '#core/never.ts';

import { memoryFile, recallHead, rememberHead } from '../../audit-memory.ts';
import type { GlobalOptions, Muster } from '../../muster.ts';
import { withProgress } from '../../progress.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';
import { renderFields } from '../../render/table.ts';
import { type LogVerification, verifyAuditLog } from '../../verify-audit.ts';

const FAULTS_SHOWN = 20;

/** `muster audit verify`. Sets exit code 1 when the log does not verify. */
export function auditVerifyCommand(muster: Muster, setExitCode: (code: number) => void): Command {
  return new Command('verify')
    .description('read the whole audit log, recompute its chain here, and compare it with the head seen last time')
    .addHelpText(
      'after',
      `
The hashes are recomputed on this machine: the service is not asked whether its log is in order.
The head that verified is kept beside the context file (cli-state.json); a log that was cut off or
replaced since then is found by it. Keep that file as you keep the log.

Exit code 1 means: the log does not verify.

Examples:
  $ muster audit verify
  $ muster audit verify -o json`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client, contextFile } = muster.connect(options);
      using _client = client;
      const seenBefore = recallHead(contextFile, client.url);
      const result = await withProgress(muster.terminal, 'Verifying the audit log', (report) =>
        verifyAuditLog(client, seenBefore, report),
      );
      writeAnswer(muster.terminal, options.output, result, (value, style) =>
        renderVerification(value, memoryFile(contextFile), style),
      );
      if (result.ok) rememberHead(contextFile, client.url, result.head);
      else setExitCode(EXIT.negative);
    });
}

function renderVerification(result: LogVerification, memory: string, style: Style): string {
  const seen = result.seenBefore;
  const fields = renderFields(
    [
      ['Records', String(result.records)],
      ['Head', `${result.head.sequence}  ${result.head.hash}`],
      [
        'Seen before',
        seen === undefined ? `never: this head is remembered now (${memory})` : `${seen.sequence}  ${seen.hash}`,
      ],
    ],
    style,
  );
  if (result.ok) return `${style.good('The audit log verifies.')}\n${fields}`;
  const faults = result.faults.slice(0, FAULTS_SHOWN).map((fault) => `  ${explain(fault)}\n`);
  const more = result.faults.length - faults.length;
  const rest = more > 0 ? `  and ${more} more: -o json has them all\n` : '';
  return `${style.bad('The audit log does NOT verify.')}\n${faults.join('')}${rest}\n${fields}`;
}

function explain({ fault, sequence }: AuditLogFault): string {
  switch (fault) {
    case 'altered':
      return `Record ${sequence} does not say what it said when it was sealed.`;
    case 'dropped':
      return `Record ${sequence} is not there.`;
    case 'reordered':
      return `Record ${sequence} stands behind a later one.`;
    case 'inserted':
      return `Record ${sequence} is one too many.`;
    case 'truncated':
      return `Record ${sequence} and everything behind it was cut off.`;
    case 'rewritten':
      return `Record ${sequence} is another one than was verified before: the log was worked out anew.`;
    default:
      return unreachable(fault);
  }
}
