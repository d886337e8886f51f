import { EXIT } from '#core/exit-code.ts';
import { postgresPrograms } from '#test/lab/postgres.ts';

import { readOptions, USAGE } from './soak/options.ts';
import { renderReport } from './soak/report.ts';
import { runSoak } from './soak/run.ts';
import { runOnSmallDisk } from './soak/small-disk.ts';

/**
 * The service under load while what it stands on breaks: each fault once a minute. Exit 0 only where nothing was lost: docs/performance.md says
 * what that means.
 */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    process.stderr.write(USAGE);
    return EXIT.usage;
  }
  const bin = postgresPrograms();
  if (bin === undefined) {
    process.stderr.write('PostgreSQL is not on this machine: apt-get install -y postgresql\n');
    return EXIT.unavailable;
  }
  if (options.disk === undefined) {
    const code = await runOnSmallDisk([process.execPath, import.meta.filename, ...args], options.minutes);
    if (code !== undefined) return code;
    process.stderr.write('SKIPPED: disk full: this machine lets us mount no small disk (unshare)\n');
  }
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.on('SIGINT', end).on('SIGTERM', end);
  // Whoever made the small disk is behind the standard input.
  if (options.disk !== undefined) process.stdin.on('end', end).on('error', end).resume();
  const report = await runSoak({
    options,
    postgresPrograms: bin,
    stop: stop.signal,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report));
  return report.findings.length === 0 ? EXIT.ok : EXIT.negative;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // Not a finding: what the soak stands on did not start, or could not be read.
  console.error(error);
  process.exitCode = EXIT.internal;
}
// The standard input would keep it.
process.stdin.destroy();
