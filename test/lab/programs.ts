import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(dirname(import.meta.filename), '../..');
const PROGRAMS = { muster: 'cli/main.ts', 'muster-agent': 'agent/main.ts' } as const;
/** Seconds where nobody else works; a machine with much to do takes longer. */
const STARTS_WITHIN_MS = 60_000;

export type Program = keyof typeof PROGRAMS;

/** What a program said and how it ended. */
export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one of our programs to its end, as a process of its own with `folder` as working directory. */
export async function runProgram(program: Program, args: readonly string[], folder: string): Promise<Ended> {
  const child = startProgram(program, args, folder);
  const texts = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code ?? -1);
    });
  });
  return { exitCode, ...texts };
}

/** The service, as a process that takes connections. Disposing of it asks it to stop and waits until it has. */
export interface RunningService extends AsyncDisposable {
  /** Resolves when the process has ended, asked to or not. */
  readonly ended: Promise<unknown>;
  readonly pid: number;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Starts `muster serve` and resolves when it says that it is ready; rejects with what it said when it ends before. */
export const startMusterServe = (config: string, folder: string): Promise<RunningService> =>
  startUntilReady('serve', config, folder, '"service ready"');

/** The same for `muster authorizer`. */
export const startMusterAuthorizer = (config: string, folder: string): Promise<RunningService> =>
  startUntilReady('authorizer', config, folder, '"authorizer ready"');

async function startUntilReady(
  command: 'serve' | 'authorizer',
  config: string,
  folder: string,
  readyText: string,
): Promise<RunningService> {
  const child = startProgram('muster', [command, '--config', config], folder);
  const ended = once(child, 'close');
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      said = `${said}${line}\n`.slice(-20_000);
      if (line.includes(readyText)) resolve();
    });
  });
  const late = setTimeout(() => child.kill('SIGKILL'), STARTS_WITHIN_MS);
  const isReady = await Promise.race([ready.then(() => true), ended.then(() => false)]);
  clearTimeout(late);
  if (!isReady) throw new Error(`muster ${command} did not start:\n${said}`);
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return { ended, pid: child.pid ?? 0, kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
}

/** A TCP port of loopback that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Two TCP ports of loopback that nobody has at this moment. */
export async function freePorts(host = '127.0.0.1'): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, host);
    await once(server, 'listening');
    const address = server.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  for (const server of servers) server.close();
  const [node = 0, admin = 0] = ports;
  return [node, admin];
}

function startProgram(program: Program, args: readonly string[], folder: string): ChildProcess {
  // In a process group of its own: a signal to the parent's must not stop it as well; it is stopped in its order.
  return spawn(process.execPath, [join(ROOT, PROGRAMS[program]), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}
