import { isIPv4, isIPv6 } from 'node:net';

import type { Bytes } from '#core/bytes.ts';

const GROUPS = 8;

/** An IP address literal as a certificate's iPAddress has it: 4 or 16 bytes in network order. Undefined for anything else, zones included. */
export function ipAddressBytes(text: string): Bytes | undefined {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = text.split('::');
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const zeros = tail === undefined ? 0 : GROUPS - first.length - last.length;
  const bytes = Buffer.alloc(2 * GROUPS);
  [...first, ...Array<number>(zeros).fill(0), ...last].forEach((group, index) => bytes.writeUInt16BE(group, 2 * index));
  return bytes;
}

/** The 16-bit groups of a piece of an IPv6 literal that `isIPv6` has passed; a dotted quad is two. */
function groupsOf(piece: string): number[] {
  return piece.split(':').flatMap((group) => {
    if (group === '') return [];
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
