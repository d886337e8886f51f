import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import type { FuzzTarget } from '#test/fuzz/engine/fuzz-target.ts';
import { fuzzTarget, newTally, type TargetTally } from '#test/fuzz/engine/run-fuzz.ts';
import { ALL_TARGETS } from '#test/fuzz/targets/all.ts';

/** Resident memory of the process may grow by so much over what it has when the parsers are loaded. */
const GROWTH_MAX_MB = 200;
/** What the whole process should stay under. */
const AIM_MB = 200;
/** Inputs between two looks at the memory, and between two targets. */
const TURN = 500;
const PROGRESS_MS = 2_000;
const FINDINGS_SHOWN = 20;

interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly targets: readonly FuzzTarget[];
  /** Only the input of this number. */
  readonly at: number | undefined;
}

interface Memory {
  readonly baselineMb: number;
  readonly peakMb: number;
}

/**
 * Many hostile inputs to every parser, in turns, from one seed. Exit 0 only where none crashed a parser, none was taken that must not be, none took longer than
 * the limit, and memory did not grow past its limit.
 */
function main(args: readonly string[]): number {
  const options = readOptions(args);
  const { targets, inputs, seed, at } = options;
  if (targets.length === 0)
    return fail(`no parser of that name; there are: ${ALL_TARGETS.map(({ name }) => name).join(', ')}`);
  if (at !== undefined) return repeatOne(targets, seed, at);
  console.log(`${inputs} inputs over ${targets.length} parsers, seed ${seed}`);
  const { tallies, memory } = runAll(options);
  console.log(renderTable(tallies));
  const findings = tallies.flatMap((tally) => tally.findings);
  for (const { target, index, fault, detail, input } of findings.slice(0, FINDINGS_SHOWN)) {
    console.log(
      `\n${fault}: ${target}, --seed ${seed} --at ${index}\n${detail}\n${Buffer.from(input).toString('hex').slice(0, 400)}`,
    );
  }
  const growthMb = memory.peakMb - memory.baselineMb;
  const whole = `${memory.peakMb.toFixed(0)} MB at its peak (aim: under ${AIM_MB}${memory.peakMb < AIM_MB ? ', met' : ', missed'})`;
  console.log(
    `\nresident memory: ${memory.baselineMb.toFixed(0)} MB with the parsers loaded, ${whole}, ${growthMb.toFixed(0)} MB more`,
  );
  console.log(`${findings.length} findings`);
  return findings.length === 0 && growthMb <= GROWTH_MAX_MB ? 0 : 1;
}

function readOptions(args: readonly string[]): FuzzOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      at: { type: 'string' },
    },
  });
  const whole = (name: string, text: string): number => {
    if (!/^[0-9]{1,9}$/.test(text)) throw new RangeError(`--${name} is a whole number`);
    return Number(text);
  };
  const { only } = values;
  return {
    inputs: whole('inputs', values.inputs),
    seed: whole('seed', values.seed),
    targets: only === undefined ? ALL_TARGETS : ALL_TARGETS.filter(({ name }) => name === only),
    at: values.at === undefined ? undefined : whole('at', values.at),
  };
}

function runAll({ targets, inputs, seed }: FuzzOptions): { tallies: readonly TargetTally[]; memory: Memory } {
  const runs = targets.map((target, index) => ({
    target,
    tally: newTally(target),
    // The remainder goes to the first ones.
    inputs: Math.floor(inputs / targets.length) + (index < inputs % targets.length ? 1 : 0),
  }));
  const baselineMb = residentMb();
  let peakMb = baselineMb;
  let shownAt = performance.now();
  for (let done = 0; done < inputs;) {
    for (const { target, tally, inputs: wanted } of runs) {
      const first = tally.inputs;
      fuzzTarget(target, tally, seed, first, Math.min(wanted, first + TURN));
      done += tally.inputs - first;
      peakMb = Math.max(peakMb, residentMb());
      if (performance.now() - shownAt < PROGRESS_MS) continue;
      shownAt = performance.now();
      const findings = runs.reduce((sum, run) => sum + run.tally.findings.length, 0);
      console.log(`${done} of ${inputs}, ${findings} findings, ${residentMb().toFixed(0)} MB, at ${target.name}`);
    }
  }
  return { tallies: runs.map(({ tally }) => tally), memory: { baselineMb, peakMb } };
}

/** One input again: what came of it, and the input itself in a file. */
function repeatOne(targets: readonly FuzzTarget[], seed: number, at: number): number {
  const [target] = targets;
  if (target === undefined || targets.length !== 1) return fail('--at goes with --only');
  const tally = newTally(target);
  fuzzTarget(target, tally, seed, at, at + 1);
  const [finding] = tally.findings;
  if (finding !== undefined) writeFileSync('fuzz-input.bin', finding.input);
  console.log(
    finding === undefined
      ? `no fault: ${tally.taken === 1 ? 'taken' : 'refused'}`
      : `${finding.fault}: ${finding.detail}`,
  );
  return finding === undefined ? 0 : 1;
}

function renderTable(tallies: readonly TargetTally[]): string {
  const rows = [
    ['parser', 'inputs', 'taken', 'refused', 'bytes, mean', 'µs, mean', 'ms, slowest', 'findings'],
    ...tallies.map(({ target, inputs, taken, refused, bytes, totalMs, slowestMs, findings }) => [
      target,
      String(inputs),
      String(taken),
      String(refused),
      (bytes / inputs).toFixed(0),
      ((totalMs * 1_000) / inputs).toFixed(1),
      slowestMs.toFixed(1),
      String(findings.length),
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const render = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return rows.map(render).join('\n');
}

const residentMb = (): number => process.memoryUsage.rss() / 1_048_576;

function fail(why: string): number {
  console.error(why);
  return 2;
}

process.exitCode = main(process.argv.slice(2));
