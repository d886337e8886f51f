import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import type { CaptureRequestBody } from '#protocol/capture.ts';
import { type ReferenceValuesDocument, referenceValuesSchema } from '#protocol/policy.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { renderJson } from '../../render/json.ts';

interface Options extends GlobalOptions {
  readonly node?: string;
  readonly join?: string;
  readonly pcrs?: readonly number[];
  readonly out?: string;
}

/** `muster reference capture`. */
export function referenceCaptureCommand(muster: Muster): Command {
  return new Command('capture')
    .description('turn the PCR values that a trusted node proved into a reference-value file, for review')
    .option('--node <name>', 'the values of this node’s last accepted join')
    .option('--join <request>', 'the values of this join, a refused one too')
    .option(
      '--pcrs <list>',
      'these PCRs alone: the pool’s referencePcrs, such as 0,1,2 (without it: all of the quote)',
      pcrList,
    )
    .option(
      '--out <file>',
      'where to write the file; an existing one is never overwritten (without it: standard output)',
    )
    .addHelpText(
      'after',
      `
The values come from a quote that verified: they are what the node's TPM held, whoever sent them.
Whether that machine had booted what it should is for you to know. Review the file, then name it
under referenceValues in the policy; until then it admits nobody.

Examples:
  $ muster reference capture --node worker-7 --out reference/general-2026-11.yaml
  $ muster reference capture --join 0e8f2c3a-5f0e-4d3e-9b0a-6a7e2b1c4d5f --out reference/general.yaml
  $ muster reference capture --node worker-7 --pcrs 0,1,2,3,6 --out reference/firmware.yaml`,
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const file = options.out === undefined ? undefined : resolve(muster.terminal.workingDirectory, options.out);
      // Before the service is asked: a capture is on record there.
      if (file !== undefined && existsSync(file)) throw exists(file);
      const { client } = muster.connect(options);
      using _client = client;
      const captured = await orNotFound(
        client.post('/v1/reference-values/capture', requestFor(options), referenceValuesSchema),
        `there are no verified PCR values of ${options.node ?? options.join ?? ''}`,
        'A node has them from its first accepted join on; a refused join, if its quote was verified: see `muster joins show`.',
      );
      const document = options.pcrs === undefined ? captured : only(options.pcrs, captured);
      const text = options.output === 'json' ? renderJson(document) : renderReferenceFile(document);
      if (file === undefined) return muster.terminal.out(text);
      writeNew(file, text);
      muster.terminal.err(
        `Wrote ${file}: ${Object.keys(document.pcrs).length} PCRs (${document.bank}) of ${document.capturedFrom}.\n` +
          'Review it, then name it under referenceValues in the policy. `muster policy check` says whether the result is valid.\n',
      );
    });
}

function pcrList(text: string): readonly number[] {
  if (!/^(?:[0-9]|1[0-9]|2[0-3])(?:,(?:[0-9]|1[0-9]|2[0-3]))*$/.test(text))
    throw new InvalidArgumentError('PCR indexes, 0 to 23, with commas between: 0,1,2');
  return text.split(',').map(Number);
}

/** The document with these PCRs and no others. Throws CommandFailure where it lacks one. */
function only(pcrs: readonly number[], document: ReferenceValuesDocument): ReferenceValuesDocument {
  const values = new Map(Object.entries(document.pcrs));
  const wanted = pcrs.map((pcr): readonly [string, string] => {
    const value = values.get(String(pcr));
    if (value !== undefined) return [String(pcr), value];
    const known = [...values.keys()].join(',');
    throw new CommandFailure(
      EXIT.dataRefused,
      `the quote of that join did not cover PCR ${pcr}`,
      `It covered ${known}.`,
    );
  });
  return { ...document, pcrs: Object.fromEntries(wanted) };
}

function requestFor({ node, join }: Options): CaptureRequestBody {
  if (node !== undefined && join === undefined) return { node };
  if (join !== undefined && node === undefined) return { requestId: join.replace(/^urn:uuid:/, '') };
  throw new CommandFailure(
    EXIT.usage,
    'exactly one of --node and --join is needed',
    'See `muster reference capture --help`.',
  );
}

/** The file as a reviewer reads it: what it is, then the values in order of index. */
export function renderReferenceFile(document: ReferenceValuesDocument): string {
  const pcrs = Object.fromEntries(Object.entries(document.pcrs).toSorted(([a], [b]) => Number(a) - Number(b)));
  return `# Known-good PCR values, captured from ${document.capturedFrom}. A node's PCRs must match one such file whole.\n${stringify(
    { ...document, pcrs },
    { lineWidth: 0 },
  )}`;
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unwritable';
    if (code === 'EEXIST') throw exists(file);
    throw new CommandFailure(EXIT.cannotCreate, `${file} cannot be written (${code})`);
  }
}

const exists = (file: string): CommandFailure =>
  new CommandFailure(EXIT.cannotCreate, `${file} exists and was left as it is`, 'Give another name with --out.');
