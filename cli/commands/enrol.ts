import { resolve } from 'node:path';

import { Command } from 'commander';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { type EnrolmentResponse, enrolmentResponseSchema } from '#protocol/enrolment.ts';
import type { FieldError } from '#protocol/problem.ts';

import type { AdminClient } from '../client.ts';
import { type BadLine, buildEnrolment, type EnrolmentLine, readEnrolmentFile } from '../enrolment-file.ts';
import type { GlobalOptions, Muster } from '../muster.ts';
import { withProgress } from '../progress.ts';
import { writeAnswer } from '../render/output.ts';
import { safeText } from '../render/safe-text.ts';
import type { Style } from '../render/style.ts';
import { type Column, renderTable } from '../render/table.ts';
import { ServiceRefusal } from '../service-failure.ts';

interface Options extends GlobalOptions {
  readonly pool?: string;
  readonly ekCert?: string;
  readonly ekHash?: string;
  readonly publicKey?: string;
  readonly from?: string;
  readonly dryRun?: boolean;
}

/** Where a list of nodes came from, for messages. */
interface Source {
  readonly lines: readonly EnrolmentLine[];
  /** `nodes.csv:4` for a file; the node's name for one on the command line. */
  readonly place: (line: number) => string;
}

const EXAMPLES = `
Examples:
  $ muster enrol worker-7 --pool general --ek-cert worker-7-ek.der
  $ muster enrol worker-8 --pool general --ek-hash 4f0c…   (SHA-256 of the EK's SubjectPublicKeyInfo, hex)
  $ muster enrol edge-3 --pool edge --public-key edge-3.pem   (a machine without a TPM)
  $ muster enrol --from nodes.csv --dry-run
  $ muster enrol --from nodes.csv

A CSV file names its columns on the first line: name,pool,ekCertificate,ekPublicHash,publicKey. Each line has
one of the last three; ekCertificate and publicKey are paths, relative to the file. A JSON file is an array of such
objects.
All nodes are enrolled, or none: bad lines are named, and exit code 65 says so.
On the node, \`muster-agent ek\` prints its EK hash, and with --out writes its EK certificate; without a TPM,
\`muster-agent key\` prints its public key.`;

/** `muster enrol`. */
export function enrolCommand(muster: Muster): Command {
  return new Command('enrol')
    .description('add nodes and their TPMs to the inventory, ahead of their first join')
    .argument('[name]', 'the node’s name: RFC 1123 subdomain of at most 52 characters')
    .option('--pool <name>', 'the pool it joins')
    .option('--ek-cert <file>', 'its EK certificate: PEM, DER, or as read from TPM NV memory')
    .option('--ek-hash <hex>', 'SHA-256 of its EK’s SubjectPublicKeyInfo, for a TPM without a certificate')
    .option('--public-key <file>', 'the public key (PEM) that a machine without a TPM signs its measurements with')
    .option('--from <file>', 'many nodes: a .csv or .json file')
    .option('--dry-run', 'check everything, enrol nothing')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const source = options.from === undefined ? oneNode(name, options, muster) : manyNodes(name, options, muster);
      const { client } = muster.connect(options);
      using _client = client;
      const dryRun = options.dryRun === true;
      const answer = await withProgress(muster.terminal, `Enrolling ${source.lines.length} nodes`, () =>
        enrol(client, source, dryRun),
      );
      writeAnswer(muster.terminal, options.output, answer, renderEnrolment);
    });
}

function oneNode(name: string | undefined, options: Options, { terminal }: Muster): Source {
  const { pool, ekCert, ekHash, publicKey } = options;
  const keys = [ekCert, ekHash, publicKey].filter((key) => key !== undefined);
  if (name === undefined || pool === undefined || keys.length !== 1) {
    throw new CommandFailure(
      EXIT.usage,
      'a name, --pool, and exactly one of --ek-cert, --ek-hash and --public-key are needed; or --from FILE for many nodes',
      'See `muster enrol --help`.',
    );
  }
  const values = new Map([
    ['name', name],
    ['pool', pool],
    ...(ekCert === undefined ? [] : [['ekCertificate', ekCert] as const]),
    ...(ekHash === undefined ? [] : [['ekPublicHash', ekHash] as const]),
    ...(publicKey === undefined ? [] : [['publicKey', publicKey] as const]),
  ]);
  const node = buildEnrolment(values, terminal.workingDirectory);
  if (typeof node === 'string') throw new CommandFailure(EXIT.dataRefused, node, 'Nothing was enrolled.');
  return { lines: [{ line: 0, node }], place: () => name };
}

function manyNodes(name: string | undefined, options: Options, { terminal }: Muster): Source {
  const { from = '', pool, ekCert, ekHash, publicKey } = options;
  if ([name, pool, ekCert, ekHash, publicKey].some((given) => given !== undefined)) {
    throw new CommandFailure(EXIT.usage, '--from brings names, pools and keys itself: leave the others out');
  }
  const { lines, bad } = readEnrolmentFile(resolve(terminal.workingDirectory, from));
  const place = (line: number): string => `${from}:${line}`;
  if (bad.length > 0) throw refuseLines(bad, lines.length + bad.length, place);
  if (lines.length === 0) throw new CommandFailure(EXIT.dataRefused, `${from} names no node`);
  return { lines, place };
}

async function enrol(client: AdminClient, source: Source, dryRun: boolean): Promise<EnrolmentResponse> {
  try {
    return await post(client, source.lines, dryRun);
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.errors.length === 0) throw error;
    const bad = error.errors.map((fault) => lineOf(fault, source.lines));
    const named = new Set(bad.map(({ line }) => line));
    // The service judges what a list says before it compares it with its records: ask about the other lines, so that all faults are named.
    const more = await tryOut(
      client,
      source.lines.filter(({ line }) => !named.has(line)),
    );
    throw refuseLines([...bad, ...more], source.lines.length, source.place);
  }
}

const post = (client: AdminClient, lines: readonly EnrolmentLine[], dryRun: boolean): Promise<EnrolmentResponse> =>
  client.post('/v1/enrolments', { nodes: lines.map(({ node }) => node), dryRun }, enrolmentResponseSchema);

/** The faults of lines that a first look did not find any in. Enrols nothing. */
async function tryOut(client: AdminClient, lines: readonly EnrolmentLine[]): Promise<readonly BadLine[]> {
  if (lines.length === 0) return [];
  try {
    await post(client, lines, true);
    return [];
  } catch (error) {
    if (!(error instanceof ServiceRefusal)) throw error;
    return error.errors.map((fault) => lineOf(fault, lines));
  }
}

/** The line that a fault in the request's `/nodes/<index>` stands on. */
function lineOf({ pointer, detail }: FieldError, lines: readonly EnrolmentLine[]): BadLine {
  const [, index, member] = /^\/nodes\/([0-9]+)(?:\/(.+))?$/.exec(pointer) ?? [];
  const line = index === undefined ? undefined : lines[Number(index)]?.line;
  return { line: line ?? 0, reason: member === undefined ? detail : `${member}: ${detail}` };
}

function refuseLines(bad: readonly BadLine[], all: number, place: (line: number) => string): CommandFailure {
  const named = bad
    .toSorted((a, b) => a.line - b.line)
    .map(({ line, reason }) => `${place(line)}: ${safeText(reason)}`);
  return new CommandFailure(
    EXIT.dataRefused,
    `${new Set(bad.map(({ line }) => line)).size} of ${all} cannot be enrolled, so none was:\n${named.map((line) => `  ${line}`).join('\n')}`,
    'Correct them and run the same command again.',
  );
}

const COLUMNS: readonly Column<EnrolmentResponse['nodes'][number]>[] = [
  { heading: 'NAME', cell: (node) => node.name },
  { heading: 'POOL', cell: (node) => node.pool },
  { heading: 'RATING', cell: (node) => node.protectionRating },
  { heading: 'KEY', cell: (node) => node.ekFingerprint },
];

function renderEnrolment({ dryRun, nodes }: EnrolmentResponse, style: Style): string {
  const many = nodes.length === 1 ? '1 node' : `${nodes.length} nodes`;
  const summary = dryRun
    ? `${many} could be enrolled; nothing was changed.`
    : `${many} enrolled. Each may join from now on.`;
  return `${renderTable(COLUMNS, nodes, style)}${dryRun ? style.warn(summary) : style.good(summary)}\n`;
}
