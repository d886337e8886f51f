import type { Bytes } from '#core/bytes.ts';

/** Equal bytes. Nothing compared here is secret, and a log has thousands of digests to compare, which differ in their first byte or two. */
export function sameBytes(a: Bytes, b: Bytes): boolean {
  return a.byteLength === b.byteLength && startsWith(a, b);
}

/** True if the first bytes of `bytes` are `start`. */
export function startsWith(bytes: Bytes, start: Bytes): boolean {
  if (bytes.byteLength < start.byteLength) return false;
  for (let at = 0; at < start.byteLength; at++) if (bytes[at] !== start[at]) return false;
  return true;
}
