/**
 * The oldest Node.js of each line that the service runs on. Type stripping is stable from 24.12 on; the releases of January 2026 close
 * CVE-2025-59465, CVE-2025-59466 and CVE-2026-21637, each of which lets a stranger end the process. Later lines began with them.
 */
const OLDEST_MINOR: Readonly<Record<number, number>> = { 24: 13, 25: 3 };
const OLDEST_LINE = 24;

/** Why `version` (as in `process.version`) is too old, or undefined when it is not. */
export function nodeVersionFault(version: string): string | undefined {
  const [, major, minor] = /^v([0-9]+)\.([0-9]+)\.[0-9]+/.exec(version) ?? [];
  const line = Number(major);
  const isEnough = line >= OLDEST_LINE && Number(minor) >= (OLDEST_MINOR[line] ?? 0);
  const oldest = Object.entries(OLDEST_MINOR).map(([known, from]) => `${known}.${from}`);
  return isEnough ? undefined : `Node.js ${version} is too old: ${oldest.join(', ')} or a newer line is needed`;
}
