import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, whatever the kernel's own tick is (proc(5)). */
const TICK_MICROSECONDS = 10_000;

/** CPU that process `pid` has used so far, user and system, all its threads, in microseconds to the nearest 10,000. Linux only. */
export function cpuMicrosecondsOf(pid: number): number {
  const { own } = cpuOf(pid);
  return own;
}

/** The same of `pid` and of every process that it started itself, those that have ended included. */
export function cpuMicrosecondsOfFamily(pid: number): number {
  const { own, endedChildren } = cpuOf(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + cpuMicrosecondsOf(Number(child)), own + endedChildren);
}

function cpuOf(pid: number): { readonly own: number; readonly endedChildren: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the name, may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = (field: number): number => Number(fields[field]) * TICK_MICROSECONDS;
  return { own: ticks(11) + ticks(12), endedChildren: ticks(13) + ticks(14) };
}
