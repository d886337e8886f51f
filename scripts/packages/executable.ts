import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Writes `output`: the runtime `base` with `code` (one ES module) in it, which it runs and nothing else: options of the runtime are taken neither
 * from the command line nor from the environment. It interprets and compiles nothing, so that it works without writable executable memory.
 */
export function makeExecutable(code: string, base: string, output: string): void {
  const [directory, name] = [dirname(output), basename(output)];
  // The image keeps the name that it is given here, so it is one without the directory.
  const [main, config] = [`${name}.mjs`, `${name}.json`];
  writeFileSync(`${directory}/${main}`, code);
  writeFileSync(
    `${directory}/${config}`,
    JSON.stringify({
      main,
      mainFormat: 'module',
      executable: base,
      output: name,
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
      execArgv: ['--jitless'],
      execArgvExtension: 'none',
    }),
  );
  const { status, stderr } = spawnSync(process.execPath, ['--build-sea', config], { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the executable was not made: ${stderr}`);
  chmodSync(output, 0o755);
}
