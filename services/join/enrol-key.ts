import { readMeasurementKey } from '#attestation/signed-measurements/measurement-key.ts';
import { readJson, verifyJws } from '#attestation/signed-measurements/verify-jws.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import { equalBytes, fromBase64Url, fromHex, isBase64Url, utf8 } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { sha256, sha256Hex } from '#core/digest.ts';
import { type EkFingerprint, ekFingerprint, newNodeId } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import { JOIN_TOKEN, type KeyEnrolment, type KeyEnrolled, keyProofSchema } from '#protocol/join-token.ts';
import { tokenRedeemed, tokenRefused } from '#services/audit/token-events.ts';
import type { JoinTokenRecord, JoinTokenStore } from '#services/store/join-tokens.ts';

import { type Caller, UNRECOGNISED } from './caller.ts';
import type { JoinPolicy } from './join-policy.ts';

export interface EnrolKeyDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly audience: string;
  /** The policy in force. */
  readonly policy: () => Pick<JoinPolicy, 'admitsFrom' | 'admitsTo'>;
  readonly tokens: Pick<JoinTokenStore, 'findJoinToken' | 'redeemJoinToken'>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

export type EnrolKeyOutcome =
  | { readonly ok: true; readonly enrolled: KeyEnrolled }
  | { readonly ok: false; readonly problem: 'origin-refused' | 'token-refused' };

/** What the secret of a token that does not exist is compared with: as long as any, and nobody's. */
const NOBODYS_HASH = Buffer.alloc(32);

/**
 * Enrols a key by a join token. On `ok` the token is spent and a node of the token's name and pool is on record with this key, by one
 * transaction; or this very key was enrolled by it before. The caller holds the key, called from the pool's segments, and knew the token. Any
 * other outcome changed nothing, and which of its checks failed the caller is not told: that is on record.
 */
export async function enrolKey(deps: EnrolKeyDeps, request: KeyEnrolment, caller: Caller): Promise<EnrolKeyOutcome> {
  const { origin, requestId } = caller;
  const occasion = { at: deps.now(), requestId, address: origin ?? UNRECOGNISED };
  const inForce = deps.policy();
  if (origin === undefined || !inForce.admitsFrom(origin)) return { ok: false, problem: 'origin-refused' };
  const [, tokenId = '', secret = ''] = JOIN_TOKEN.exec(request.token) ?? [];

  const record = await deps.tokens.findJoinToken(tokenId);
  const key = ekFingerprint(request.publicKey);
  // Each is looked at whatever the others say, so that an answer takes as long for a token that never was.
  const faults = [
    matches(secret, record) ? undefined : 'no such token',
    holdsKey(request, deps.audience) ? undefined : 'the key is not one, or its proof is not right',
    record === undefined ? undefined : spentFault(record, key, occasion.at),
    record !== undefined && !inForce.admitsTo(record.pool, origin) ? 'from outside the pool’s segments' : undefined,
  ];
  const fault = faults.find((found) => found !== undefined);
  if (fault !== undefined || record === undefined) return refuse(fault ?? 'no such token', record);
  const { nodeName, pool } = record;
  const enrolled: EnrolKeyOutcome = { ok: true, enrolled: { nodeName, pool } };
  // The answer was lost: the token did for this key what it can do.
  if (record.redeemedKey === key) return enrolled;

  const nodeId = newNodeId(deps.random);
  const redeemed = await deps.tokens.redeemJoinToken({
    id: tokenId,
    at: occasion.at,
    enrolment: {
      id: nodeId,
      name: nodeName,
      pool,
      ekFingerprint: key,
      ekCertificate: undefined,
      measurementSpki: request.publicKey,
    },
    by: `${record.createdBy}, by join token ${tokenId}`,
    event: tokenRedeemed(occasion, { tokenId, nodeName, pool, nodeId, key }),
  });
  if (redeemed.kind === 'redeemed') return enrolled;
  return refuse(redeemed.kind === 'conflict' ? redeemed.conflict : 'spent in the meantime', record);

  async function refuse(reason: string, about: JoinTokenRecord | undefined): Promise<EnrolKeyOutcome> {
    await deps.appendAudit(tokenRefused(occasion, { tokenId, nodeName: about?.nodeName, reason }));
    return { ok: false, problem: 'token-refused' };
  }
}

/** In time that does not depend on the secret. */
function matches(secret: string, record: JoinTokenRecord | undefined): boolean {
  const hash = isBase64Url(secret) ? sha256(fromBase64Url(secret)) : NOBODYS_HASH;
  const expected = record === undefined ? NOBODYS_HASH : fromHex(record.secretHash);
  return equalBytes(hash, expected) && record !== undefined;
}

/** The proof is for this service and this token: one that another service got is worth nothing here. */
function holdsKey({ publicKey, proof, token }: KeyEnrolment, audience: string): boolean {
  const key = readMeasurementKey(publicKey);
  const payload = key === undefined ? undefined : verifyJws(proof, key);
  if (!(payload instanceof Uint8Array)) return false;
  const claims = keyProofSchema.safeParse(readJson(payload));
  return claims.success && claims.data.aud === audience && claims.data.token === sha256Hex(utf8(token));
}

function spentFault(record: JoinTokenRecord, key: EkFingerprint, now: Date): string | undefined {
  if (record.revokedAt !== undefined) return 'revoked';
  if (now >= record.expiresAt) return 'expired';
  return record.redeemedAt === undefined || record.redeemedKey === key ? undefined : 'spent';
}
