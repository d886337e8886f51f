import type { CertificateFingerprint, NodeId, NodeName, Serial } from '#core/ids.ts';
import type { Connectivity } from '#core/node-record.ts';

import type { AuditEventOf } from './catalogue.ts';
import type { Occasion } from './events.ts';

export interface ConnectivityChange {
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly from: Connectivity;
  readonly to: Connectivity;
  readonly lastHeartbeatAt: Date | undefined;
  readonly lastLeaseAt: Date | undefined;
}

/** `at`: when it was noticed. Silence is noticed by the service, so it is the actor. */
export function connectivityChanged(
  at: Date,
  { nodeId, nodeName, from, to, lastHeartbeatAt, lastLeaseAt }: ConnectivityChange,
): AuditEventOf<'node.connectivity-changed'> {
  const heard = { lastHeartbeatAt: lastHeartbeatAt?.toISOString(), lastLeaseAt: lastLeaseAt?.toISOString() };
  return { type: 'node.connectivity-changed', at, actor: 'service', nodeName, facts: { nodeId, from, to, ...heard } };
}

export interface Boot {
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly bootId: string;
  readonly previousBootId: string | undefined;
  readonly agentVersion: string;
  readonly address: string | undefined;
}

/** A node's heartbeats name another boot than those before. */
export function nodeBooted(at: Date, { nodeName, address, ...facts }: Boot): AuditEventOf<'node.booted'> {
  return { type: 'node.booted', at, actor: `node:${nodeName}`, address, nodeName, facts };
}

/** `subject`: the administrator's, from the client certificate. */
export function renewalRequested(
  occasion: Occasion,
  subject: string,
  node: { readonly nodeId: NodeId; readonly nodeName: NodeName },
): AuditEventOf<'node.renewal-requested'> {
  const { nodeId, nodeName } = node;
  const actor = `admin:${subject}`;
  return { type: 'node.renewal-requested', ...occasion, actor, nodeName, facts: { nodeId } };
}

export interface RefusedHeartbeat {
  readonly reason: string;
  readonly serial: Serial;
  readonly fingerprint: CertificateFingerprint;
  /** The node that the certificate was issued to, where it was issued by us. */
  readonly nodeName: NodeName | undefined;
}

/** A heartbeat with a certificate that the node CA signed and that is not good. */
export function heartbeatRefused(
  occasion: Occasion,
  { nodeName, ...facts }: RefusedHeartbeat,
): AuditEventOf<'heartbeat.refused'> {
  return { type: 'heartbeat.refused', ...occasion, actor: 'anonymous', nodeName, facts };
}
