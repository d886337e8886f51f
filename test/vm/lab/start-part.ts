import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Readable } from 'node:stream';

const NICENESS = -12;

/**
 * Starts a program that is a part of a machine. It ends with this process, however that ends. The host prefers it to other work where it may: a
 * kernel waits for its TPM for a fraction of a second, however busy the host is.
 */
export function startPart(program: string, args: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  const part = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    // A session of its own: where the scheduler groups sessions, what a process may claim is its session's share.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (part.pid !== undefined) prefer(part.pid);
  return part;
}

function prefer(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // Without leave, or without groups: it is as slow as the host is busy.
  }
}
