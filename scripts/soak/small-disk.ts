import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a database takes before anything is in it, and what each minute at 50 joins a second adds to it. */
const BASE_MB = 320;
const MINUTE_MB = 60;

/**
 * Runs `program` in a mount namespace of its own, where `--disk DIR` is a small tmpfs that nothing else writes to. It is the first process of
 * a process namespace too: when it ends, however it ends, the kernel ends what it started, and the mount goes with the last of them.
 * Resolves to its exit code; undefined, and nothing was run, where this machine does not let us mount anything.
 */
export async function runOnSmallDisk(program: readonly string[], minutes: number): Promise<number | undefined> {
  const disk = mkdtempSync(join(tmpdir(), 'muster-soak-disk-'));
  try {
    const options = `size=${BASE_MB + MINUTE_MB * minutes}m,mode=0755`;
    const namespaces = asRoot() ? ['-m'] : ['-Urm'];
    const mounted = (command: readonly string[]): readonly string[] => {
      const script = `mount -t tmpfs -o ${options} muster-soak "$0" && exec "$@"`;
      return [...namespaces, '--pid', '--fork', '--kill-child', 'sh', '-c', script, disk, ...asOurselves(), ...command];
    };
    if (spawnSync('unshare', mounted(['true']), { stdio: 'ignore' }).status !== 0) return undefined;
    // The end of its standard input asks it to stop: it comes from us, and with us.
    const child = spawn('unshare', mounted([...program, '--disk', disk]), { stdio: ['pipe', 'inherit', 'inherit'] });
    const stop = (): void => {
      child.stdin?.end();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    const [code]: unknown[] = await once(child, 'exit');
    return typeof code === 'number' ? code : 1;
  } finally {
    rmdirSync(disk);
  }
}

const asRoot = (): boolean => process.getuid?.() === 0;

/** PostgreSQL does not run as root, which an ordinary user is in the namespace that lets it mount: one more gives it back its own number. */
function asOurselves(): readonly string[] {
  if (asRoot()) return [];
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return ['unshare', '-U', `--map-user=${user}`, `--map-group=${group}`];
}
