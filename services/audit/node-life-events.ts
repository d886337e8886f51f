import type { NodeId, NodeName, Serial } from '#core/ids.ts';
import type { NodeChange } from '#core/node-life.ts';

import type { AuditEventOf, NodeChangeFacts } from './catalogue.ts';
import { adminActor, type Occasion } from './events.ts';

/** By change, what the log calls it. */
const TYPES = {
  approve: 'node.approved',
  quarantine: 'node.quarantined',
  release: 'node.released',
  bar: 'node.barred',
  unbar: 'node.unbarred',
  retire: 'node.retired',
} as const satisfies Record<NodeChange, string>;

export interface NodeChanged {
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  /** Of the certificates' revocation, where an administrator gave one. */
  readonly reason: string | undefined;
  readonly text: string | undefined;
}

/** For the store's change of nodes, which adds `from`, `to` and `serials`. `subject`: the administrator's, from the client certificate. */
export function nodeChanged(
  occasion: Occasion,
  subject: string,
  change: NodeChange,
  { nodeName, ...known }: NodeChanged,
): AuditEventOf<(typeof TYPES)[NodeChange]> {
  const facts: NodeChangeFacts = known;
  return { type: TYPES[change], ...occasion, actor: adminActor(subject), nodeName, facts };
}

export interface CertificateRevoked {
  readonly nodeName: NodeName;
  readonly serial: Serial;
  readonly reason: string;
  readonly text: string | undefined;
}

/** Belongs in the transaction that revokes the certificate. */
export function certificateRevoked(
  occasion: Occasion,
  subject: string,
  { nodeName, ...facts }: CertificateRevoked,
): AuditEventOf<'certificate.revoked'> {
  return { type: 'certificate.revoked', ...occasion, actor: adminActor(subject), nodeName, facts };
}
