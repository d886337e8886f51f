import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, '../../../agent/main.ts');

/** `muster-agent run`, as a process of its own. */
export interface AgentProcess extends AsyncDisposable {
  /** Its journal so far. */
  readonly lines: readonly string[];
  readonly out: () => string;
  /** Resolves when a line of its journal has `text` in it, `times` times. */
  said(text: string, times?: number): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

export function startAgent(configFile: string, env: Readonly<Record<string, string>> = {}): AgentProcess {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', configFile], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const ended = once(child, 'close').then(([code, signal]) => (code === null ? String(signal) : Number(code)));
  const said = (text: string, times = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (lines.filter((line) => line.includes(text)).length < times) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`the agent ended before it said "${text}":\n${lines.join('\n')}`)));
    });
  return {
    lines,
    out: () => out,
    said,
    signal: (name) => void child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
