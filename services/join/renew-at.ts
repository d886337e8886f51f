import { createHash } from 'node:crypto';

import type { NodeId } from '#core/ids.ts';

/** Shares of a certificate's life between which nodes renew. */
const EARLIEST = 0.5;
const LATEST = 0.7;

/**
 * When a node should join again, to the second: at 50 to 70 % of its certificate's life, at the same share every time and another one
 * for each node, so that nodes which were started together do not come back together.
 */
export function renewAt(nodeId: NodeId, certificate: { readonly notBefore: Date; readonly notAfter: Date }): Date {
  const share = createHash('sha256').update(nodeId).digest().readUInt32BE(0) / 2 ** 32;
  const lifetimeMs = certificate.notAfter.getTime() - certificate.notBefore.getTime() + 1_000;
  const sinceMs = lifetimeMs * (EARLIEST + share * (LATEST - EARLIEST));
  return new Date(certificate.notBefore.getTime() + Math.floor(sinceMs / 1_000) * 1_000);
}
