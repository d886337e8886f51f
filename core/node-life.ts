import type { NodeState } from './node-record.ts';
import type { RevocationReason } from './revocation-reason.ts';

/** What an administrator does to a node's standing. Joining is not among them: that is for the node to prove. */
export const NODE_CHANGES = ['approve', 'quarantine', 'release', 'bar', 'unbar', 'retire'] as const;
export type NodeChange = (typeof NODE_CHANGES)[number];

/** A state that something may put aside for a while, and that the node then returns to. */
export type InterruptedState = Exclude<NodeState, 'retired'>;

/** Where a node is in its life, and what it goes back to. */
export interface NodeStanding {
  readonly state: NodeState;
  /** What it was when it was quarantined; kept while a quarantined node is barred. */
  readonly quarantinedFrom: InterruptedState | undefined;
  /** What it was when it was barred. */
  readonly barredFrom: InterruptedState | undefined;
}

/** The states that each change starts from. A change from any other is refused; nothing starts from `retired`. */
const STARTS: Readonly<Record<NodeChange, readonly NodeState[]>> = {
  approve: ['pending'],
  quarantine: ['enrolled', 'pending', 'joined'],
  release: ['quarantined'],
  bar: ['enrolled', 'pending', 'joined', 'quarantined'],
  unbar: ['barred'],
  retire: ['enrolled', 'pending', 'joined', 'quarantined', 'barred'],
};

/** True when a node in `state` may be changed so. */
export const allowsChange = (state: NodeState, change: NodeChange): boolean => STARTS[change].includes(state);

/**
 * A node's standing after `change`; undefined where its state does not allow it. A bar does not end a quarantine and an unbar does not approve:
 * each change ends only what its opposite began. A node that was joined when it was barred comes back as `enrolled`, for it has no
 * certificate any more. Fails closed: a standing that does not say where to go back to leads to `pending`.
 */
export function standingAfter(before: NodeStanding, change: NodeChange): NodeStanding | undefined {
  const { state, quarantinedFrom, barredFrom } = before;
  if (!allowsChange(state, change) || state === 'retired') return undefined;
  const none = { quarantinedFrom: undefined, barredFrom: undefined };
  switch (change) {
    case 'approve':
      return { ...none, state: 'enrolled' };
    case 'quarantine':
      return { ...none, state: 'quarantined', quarantinedFrom: state };
    case 'release':
      return { ...none, state: quarantinedFrom ?? 'pending' };
    case 'bar':
      return { state: 'barred', quarantinedFrom: withoutCertificates(quarantinedFrom), barredFrom: state };
    case 'unbar':
      return { ...before, barredFrom: undefined, state: withoutCertificates(barredFrom) ?? 'pending' };
    case 'retire':
      return { ...none, state: 'retired' };
  }
}

const withoutCertificates = (state: InterruptedState | undefined): InterruptedState | undefined =>
  state === 'joined' ? 'enrolled' : state;

/** What a change does to the node's certificates that have not expired. */
export type CertificateEffect =
  | { readonly kind: 'none' }
  /** On the list until the node is released. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'release-holds' }
  /** On the list for good. `reason` where nobody gave one. */
  | { readonly kind: 'revoke'; readonly reason: RevocationReason };

/** By change: what becomes of the certificates. */
export const CERTIFICATE_EFFECTS: Readonly<Record<NodeChange, CertificateEffect>> = {
  approve: { kind: 'none' },
  quarantine: { kind: 'hold' },
  release: { kind: 'release-holds' },
  bar: { kind: 'revoke', reason: 'privilegeWithdrawn' },
  // What the bar revoked stays revoked.
  unbar: { kind: 'none' },
  retire: { kind: 'revoke', reason: 'cessationOfOperation' },
};
