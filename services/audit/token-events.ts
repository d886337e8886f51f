import type { EkFingerprint, NodeId, NodeName, PoolName } from '#core/ids.ts';

import type { AuditEventOf } from './catalogue.ts';
import type { Occasion } from './events.ts';

export interface TokenFacts {
  readonly tokenId: string;
  readonly nodeName: NodeName;
  readonly pool: PoolName;
}

/** `subject`: the administrator's, from the client certificate. */
export function tokenCreated(
  occasion: Occasion,
  subject: string,
  { tokenId, nodeName, pool, expiresAt }: TokenFacts & { readonly expiresAt: Date },
): AuditEventOf<'token.created'> {
  const facts = { tokenId, pool, expiresAt: expiresAt.toISOString() };
  return { type: 'token.created', ...occasion, actor: `admin:${subject}`, nodeName, facts };
}

export function tokenRevoked(
  occasion: Occasion,
  subject: string,
  { tokenId, nodeName, pool }: TokenFacts,
): AuditEventOf<'token.revoked'> {
  return { type: 'token.revoked', ...occasion, actor: `admin:${subject}`, nodeName, facts: { tokenId, pool } };
}

export interface EnrolledKey extends TokenFacts {
  readonly nodeId: NodeId;
  readonly key: EkFingerprint;
}

/** Belongs in the transaction that spends the token: its holder enrolled a key. */
export function tokenRedeemed(
  occasion: Occasion,
  { tokenId, nodeName, pool, nodeId, key }: EnrolledKey,
): AuditEventOf<'token.redeemed'> {
  const facts = { tokenId, nodeId, pool, key };
  return { type: 'token.redeemed', ...occasion, actor: `token:${tokenId}`, nodeName, facts };
}

/** `tokenId` is the caller's word where `nodeName` is absent. The caller was told none of it. */
export function tokenRefused(
  occasion: Occasion,
  {
    tokenId,
    nodeName,
    reason,
  }: { readonly tokenId: string; readonly nodeName: NodeName | undefined; readonly reason: string },
): AuditEventOf<'token.refused'> {
  return { type: 'token.refused', ...occasion, actor: 'anonymous', nodeName, facts: { tokenId, reason } };
}
