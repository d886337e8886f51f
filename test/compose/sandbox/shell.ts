import { spawnSync } from 'node:child_process';

export const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  npm_config_prefer_offline: 'true',
};

/** Runs a script and returns what it printed. Throws with all that was said where it fails. */
export function shell(script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script, 'sh', ...args], {
    encoding: 'utf8',
    env: { ...ENVIRONMENT, ...certificates() },
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
  return stdout;
}

/** What a machine behind an inspecting proxy says to Node.js; npm needs it as much as anywhere else on it. */
function certificates(): NodeJS.ProcessEnv {
  const file = process.env['NODE_EXTRA_CA_CERTS'];
  return file === undefined ? {} : { NODE_EXTRA_CA_CERTS: file };
}

/** One word for a shell, whatever is in it. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
