import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Narrator } from './narrator.ts';
import { type Ended, type Program, runProgram } from '#test/lab/programs.ts';

/** The words of one command that the person sees, and how it must end. */
export interface Step {
  readonly program: Program;
  readonly args: readonly string[];
  readonly exitCode: number;
  /** Lines of its output to show; none if 0. */
  readonly show?: number;
}

/** What the parts of the demonstration share. Paths in commands are relative to `folder`. */
export interface Story {
  readonly narrator: Narrator;
  readonly folder: string;
  /** Shows a command, runs it, shows what it said. Throws when it does not end as it must. */
  readonly run: (step: Step) => Promise<Ended>;
  /** Runs it without showing it. Throws when it does not end as it must. */
  readonly ask: (step: Omit<Step, 'show'>) => Promise<Ended>;
}

export function createStory(narrator: Narrator, folder: string): Story {
  const ask = async ({ program, args, exitCode }: Step): Promise<Ended> => {
    const ended = await runProgram(program, args, folder);
    if (ended.exitCode === exitCode) return ended;
    const words = [program, ...args].join(' ');
    throw new Error(`\`${words}\` ended with ${ended.exitCode}, not ${exitCode}:\n${ended.out}${ended.err}`);
  };
  return {
    narrator,
    folder,
    ask,
    run: async (step) => {
      narrator.command([step.program, ...step.args]);
      const ended = await ask(step);
      if (step.show !== 0) narrator.output(`${ended.err}${ended.out}`, step.show);
      return ended;
    },
  };
}

/** Replaces one line of a file in the folder. Throws when it is not there exactly once. */
export async function replaceLine(story: Story, file: string, before: string, after: string): Promise<void> {
  const path = join(story.folder, file);
  const text = await readFile(path, 'utf8');
  if (text.split(before).length !== 2) throw new Error(`${file} does not have one line "${before}"`);
  await writeFile(path, text.replace(before, after));
  story.narrator.output(`${file}:  ${after.trim()}`);
}

/** The request id that the agent named when it was refused. */
export function requestIdIn(text: string): string {
  const id = /joins show ([0-9a-f-]{36})/.exec(text)?.[1];
  if (id === undefined) throw new Error(`no request id in: ${text}`);
  return id;
}
