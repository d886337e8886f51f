import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a program to its end and gives its standard output. Throws with what it said on standard error when it fails. */
export async function output(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const environment = { PATH: path, LC_ALL: 'C', HOME: '/root', DEBIAN_FRONTEND: 'noninteractive', ...env };
  const { stdout } = await run(program, [...args], { env: environment, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
