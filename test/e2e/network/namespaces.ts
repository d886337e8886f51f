import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';

/** Why there can be no network namespaces here; undefined where there can. */
export function missingForNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'root, to make network namespaces';
  const made = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  if (made.error !== undefined) return 'ip (Debian: iproute2)';
  const name = `mu-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'leave to make network namespaces';
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

/** One end of a cable. */
export interface End {
  readonly name: string;
  /** With prefix lengths. */
  readonly addresses: readonly string[];
}

/** Machines of nothing but a network stack. None of them can reach anything but the other ends of its cables. */
export interface Network extends AsyncDisposable {
  /** A connection from inside `from`. What cannot be connected to ends at once. */
  connect(from: string, host: string, port: number): Duplex;
  /** Runs a role of `in-namespace.ts` inside `name` and resolves to the first line that it prints. `input` is its standard input's first line. */
  run(name: string, role: string, input: object): Promise<string>;
}

const PROGRAM = join(import.meta.dirname, 'in-namespace.ts');
const TUNNEL = join(import.meta.dirname, 'tunnel.ts');

/** Makes the namespaces and their cables. Disposing of it ends every program in them and deletes them; so does the end of this process. */
export function network(cables: readonly (readonly [End, End])[]): Network {
  const id = randomBytes(3).toString('hex');
  const names = [...new Set(cables.flat().map(({ name }) => name))];
  const real = (name: string): string => `mu-${id}-${name}`;
  const children = new Set<ChildProcess>();
  const remove = (): void => {
    for (const child of children) child.kill('SIGKILL');
    for (const name of names) spawnSync('ip', ['netns', 'del', real(name)]);
  };
  process.once('exit', remove);
  const dispose = async (): Promise<void> => {
    process.off('exit', remove);
    const ended = [...children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const gone = ended.map((child) => once(child, 'exit'));
    remove();
    await Promise.all(gone);
  };
  try {
    for (const name of names) {
      ip('netns', 'add', real(name));
      ip('-n', real(name), 'link', 'set', 'lo', 'up');
    }
    cables.forEach((cable, index) => {
      plug(cable, index, real);
    });
  } catch (error) {
    remove();
    throw error;
  }
  const inside = (name: string, ...args: readonly string[]): ChildProcess => {
    const child = spawn('ip', ['netns', 'exec', real(name), process.execPath, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.add(child);
    return child;
  };
  return {
    connect: (from, host, port) => pipesOf(inside(from, TUNNEL, host, String(port))),
    run: async (name, role, input) => {
      const child = inside(name, PROGRAM, role);
      child.stdin?.write(`${JSON.stringify(input)}\n`);
      if (child.stdout === null) throw new Error('standard output is a pipe');
      const ended = once(child, 'exit').then(() => {
        throw new Error(`${role} in ${name} did not start`);
      });
      const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
      return String(line);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function plug([a, b]: readonly [End, End], index: number, real: (name: string) => string): void {
  const [left, right] = [`c${index}a`, `c${index}b`];
  ip('link', 'add', left, 'netns', real(a.name), 'type', 'veth', 'peer', 'name', right, 'netns', real(b.name));
  for (const [end, device] of [
    [a, left],
    [b, right],
  ] as const) {
    // Without `nodad` an IPv6 address is of no use for a second.
    for (const address of end.addresses)
      ip('-n', real(end.name), 'addr', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
    ip('-n', real(end.name), 'link', 'set', device, 'up');
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

function pipesOf(child: ChildProcess): Duplex {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('both are pipes');
  stdin.on('error', () => undefined);
  const duplex = new Duplex({
    write: (chunk: Buffer, _, done) => void stdin.write(chunk, () => done()),
    final: (done) => void stdin.end(() => done()),
    read: () => void stdout.resume(),
  });
  stdout.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) stdout.pause();
  });
  stdout.once('end', () => duplex.push(null));
  duplex.on('error', () => undefined);
  duplex.once('close', () => child.kill());
  return duplex;
}
