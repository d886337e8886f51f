import type { AuditEvent } from '#core/audit-record.ts';
import { toBase64Url, toHex } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { sha256Hex } from '#core/digest.ts';
import type { NodeName, PoolName } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import type { CreateTokenRequest, TokenCreated, TokenSummary } from '#protocol/join-token.ts';
import type { FieldError } from '#protocol/problem.ts';
import type { Occasion } from '#services/audit/events.ts';
import { tokenCreated, tokenRevoked } from '#services/audit/token-events.ts';
import type { JoinTokenRecord, JoinTokenStore } from '#services/store/join-tokens.ts';

export interface JoinTokenDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly hasPool: (pool: PoolName) => boolean;
  readonly findNodeByName: (name: NodeName) => Promise<NodeRecord | undefined>;
  readonly tokens: Pick<JoinTokenStore, 'createJoinToken' | 'findJoinToken' | 'listJoinTokens' | 'revokeJoinToken'>;
}

/** Who asks, and in which request. */
export interface Issuer extends Omit<Occasion, 'at'> {
  /** The administrator's name, from the client certificate. */
  readonly name: string;
}

export type CreateOutcome =
  | { readonly ok: true; readonly created: TokenCreated }
  | {
      readonly ok: false;
      readonly problem: 'malformed-request' | 'state-conflict';
      readonly errors: readonly FieldError[];
    };

const ID_BYTES = 8;
const SECRET_BYTES = 32;

/**
 * A new token for one name in one pool. On `ok` it is on record by the hash of its secret, which nobody can be told again. Whether the name is
 * still free is decided when the token is redeemed.
 */
export async function createJoinToken(
  deps: JoinTokenDeps,
  request: CreateTokenRequest,
  by: Issuer,
): Promise<CreateOutcome> {
  const { name: nodeName, pool, ttlSeconds } = request;
  if (!deps.hasPool(pool)) {
    const errors = [{ pointer: '/pool', detail: 'the policy has no such pool' }];
    return { ok: false, problem: 'malformed-request', errors };
  }
  if ((await deps.findNodeByName(nodeName)) !== undefined) {
    return {
      ok: false,
      problem: 'state-conflict',
      errors: [{ pointer: '/name', detail: 'a node of this name is enrolled' }],
    };
  }
  const { name: createdBy, ...where } = by;
  const createdAt = deps.now();
  const expiresAt = new Date(createdAt.getTime() + ttlSeconds * 1_000);
  const id = toHex(deps.random(ID_BYTES));
  const secret = deps.random(SECRET_BYTES);
  const token = { id, secretHash: sha256Hex(secret), nodeName, pool, createdAt, createdBy, expiresAt };
  const event = tokenCreated({ ...where, at: createdAt }, createdBy, { tokenId: id, nodeName, pool, expiresAt });
  await deps.tokens.createJoinToken(token, event);
  const record = { ...token, redeemedAt: undefined, redeemedKey: undefined, revokedAt: undefined };
  return { ok: true, created: { ...renderToken(record, createdAt), token: `mjt_${id}_${toBase64Url(secret)}` } };
}

/** On `ok` nobody can redeem the token any more. `state-conflict` where somebody has, or an administrator revoked it before. */
export async function revokeJoinToken(
  deps: JoinTokenDeps,
  id: string,
  by: Issuer,
): Promise<
  | { readonly ok: true; readonly token: TokenSummary }
  | { readonly ok: false; readonly problem: 'not-found' | 'state-conflict' }
> {
  const record = await deps.tokens.findJoinToken(id);
  if (record === undefined) return { ok: false, problem: 'not-found' };
  const { name, ...where } = by;
  const at = deps.now();
  const { nodeName, pool } = record;
  const event: AuditEvent = tokenRevoked({ ...where, at }, name, { tokenId: id, nodeName, pool });
  if (!(await deps.tokens.revokeJoinToken(id, name, at, event))) return { ok: false, problem: 'state-conflict' };
  return { ok: true, token: renderToken({ ...record, revokedAt: at }, at) };
}

/** A token as it stands at `now`. */
export function renderToken(record: JoinTokenRecord, now: Date): TokenSummary {
  const { id, nodeName, pool, createdAt, createdBy, expiresAt, redeemedKey } = record;
  return {
    id,
    name: nodeName,
    pool,
    state: stateOf(record, now),
    createdAt: createdAt.toISOString(),
    createdBy,
    expiresAt: expiresAt.toISOString(),
    ...(redeemedKey === undefined ? {} : { redeemedKey }),
  };
}

function stateOf({ redeemedAt, revokedAt, expiresAt }: JoinTokenRecord, now: Date): TokenSummary['state'] {
  if (redeemedAt !== undefined) return 'redeemed';
  if (revokedAt !== undefined) return 'revoked';
  return now >= expiresAt ? 'expired' : 'open';
}
