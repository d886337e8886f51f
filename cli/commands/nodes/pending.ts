import { Command } from 'commander';

import type { CandidateList, CandidateSummary } from '#protocol/candidates.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import { safeText } from '../../render/safe-text.ts';
import type { Style } from '../../render/style.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';
import { findCandidate, listCandidates } from './candidates.ts';

const COLUMNS: readonly Column<CandidateSummary>[] = [
  { heading: 'ID', cell: ({ id }) => id.slice(0, 8) },
  { heading: 'SAYS IT IS', cell: ({ nodeName, proof }) => nodeName ?? `${proof.claimedNodeName}?` },
  { heading: 'POOL', cell: ({ pool }) => pool },
  { heading: 'FROM', cell: ({ proof }) => proof.address },
  {
    heading: 'TPM',
    cell: ({ proof: { ekCertificate: tpm } }) =>
      tpm === undefined ? 'not certified' : `${tpm.manufacturer} ${tpm.model}`,
    style: ({ proof }, style) => (proof.ekCertificate === undefined ? style.warn : (text) => text),
  },
  { heading: 'MATCHES', cell: ({ proof }) => proof.referenceValues },
  { heading: 'SINCE', cell: ({ firstSeenAt }) => renderTime(firstSeenAt) },
  { heading: 'REV', cell: ({ revision }) => String(revision) },
  {
    heading: 'STATE',
    cell: ({ state, changes }) => (state === 'refused' || changes.length === 0 ? state : `${state}, changed`),
    style: ({ state }, style) => (state === 'refused' ? style.bad : style.warn),
  },
];

/** `muster nodes pending`. */
export function nodesPendingCommand(muster: Muster): Command {
  return new Command('pending')
    .description('machines that wait for approval, and what each has proven')
    .argument('[id|name]', 'everything about one of them')
    .addHelpText(
      'after',
      `
A name with a question mark is only what the machine says; the rest was verified.

Examples:
  $ muster nodes pending
  $ muster nodes pending worker-9
  $ muster nodes pending -o json`,
    )
    .action(async (which: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const list = await listCandidates(client);
      if (which === undefined) writeAnswer(muster.terminal, options.output, list, renderCandidates);
      else
        writeAnswer(muster.terminal, options.output, findCandidate(list.candidates, which).candidate, renderCandidate);
    });
}

function renderCandidates({ candidates }: CandidateList, style: Style): string {
  if (candidates.length === 0) return `${style.faint('No machine waits for approval.')}\n`;
  return renderTable(COLUMNS, candidates, style);
}

/** Everything that an approver should have seen. */
export function renderCandidate(candidate: CandidateSummary, style: Style): string {
  const { proof, nodeName, changes, refusal } = candidate;
  const tpm = proof.ekCertificate;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['id', candidate.id],
    [nodeName === undefined ? 'says it is' : 'node', nodeName ?? proof.claimedNodeName],
    ['pool', candidate.pool],
    ['from', `${proof.address}${proof.calledBack ? ', where its key answered' : ''}`],
    ['EK', candidate.ekFingerprint],
    ['EK certificate', tpm && `${tpm.manufacturer} ${tpm.model} ${tpm.version}${tpm.software ? ', SOFTWARE' : ''}`],
    ['certified by', tpm?.anchor ?? 'nobody: any program can make such an EK'],
    ['AK', proof.akName],
    ['TPM firmware', proof.firmwareVersion],
    ['PCRs match', proof.referenceValues ?? 'no reference values are asked for'],
    ['Secure Boot', proof.boot && (proof.boot.secureBoot ? 'proven' : 'not proven')],
    ...(proof.boot?.commandLines ?? []).map((line) => ['command line', line] as const),
    ['seen', `${renderTime(candidate.firstSeenAt)} to ${renderTime(candidate.lastSeenAt)}`],
    ['forgotten', renderTime(candidate.expiresAt)],
    ['last join', candidate.requestId],
    ['revision', String(candidate.revision)],
    ['refused', refusal && `by ${refusal.by} at ${renderTime(refusal.at)}: ${refusal.reason}`],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(15)} ${safeText(value)}`],
  );
  return `${[...lines, ...renderChanges(changes, style)].join('\n')}\n`;
}

/** What it proved otherwise when it was first seen, a line each. */
export const renderChanges = (changes: CandidateSummary['changes'], style: Style): readonly string[] =>
  changes.map(({ member, first, latest }) =>
    style.warn(safeText(`changed since it was first seen: ${member} was ${first}, is ${latest}`)),
  );
