import { type Kysely, sql } from 'kysely';

import type { AuditEvent } from '#core/audit-record.ts';
import type { EkFingerprint, NodeName, PoolName } from '#core/ids.ts';

import { appendAudit } from './append-audit.ts';
import { findEnrolmentConflicts } from './enrolment-conflicts.ts';
import { insertNode } from './node-operations.ts';
import { pageLimit } from './page-limit.ts';
import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { JoinTokensTable, Schema } from './schema.ts';
import type { StoreParts } from './store-parts.ts';
import type { Enrolment, EnrolmentConflict } from './store.ts';

/** A token as it is kept: its secret is not. */
export interface JoinTokenRecord {
  /** Not secret: what the token is listed and revoked by. */
  readonly id: string;
  /** SHA-256 of the secret, lower-case hex. */
  readonly secretHash: string;
  readonly nodeName: NodeName;
  readonly pool: PoolName;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date;
  readonly redeemedAt: Date | undefined;
  /** Fingerprint of the key that it enrolled. */
  readonly redeemedKey: EkFingerprint | undefined;
  readonly revokedAt: Date | undefined;
}

/** What a token is redeemed for. */
export interface Redemption {
  readonly id: string;
  readonly at: Date;
  /** Under the token's name and pool. */
  readonly enrolment: Enrolment;
  /** Recorded as who enrolled the node. */
  readonly by: string;
  readonly event: AuditEvent;
}

export type Redeemed =
  | { readonly kind: 'redeemed' }
  /** Spent, revoked or expired: by now, whatever it was when it was looked up. */
  | { readonly kind: 'not-redeemable' }
  | { readonly kind: 'conflict'; readonly conflict: EnrolmentConflict['conflict'] };

/** Single-use tokens that enrol a key. Each change is one transaction with its audit event. */
export interface JoinTokenStore {
  createJoinToken(
    token: Pick<JoinTokenRecord, 'id' | 'secretHash' | 'nodeName' | 'pool' | 'createdAt' | 'createdBy' | 'expiresAt'>,
    event: AuditEvent,
  ): Promise<void>;
  /** Newest first. */
  listJoinTokens(limit: number): Promise<readonly JoinTokenRecord[]>;
  findJoinToken(id: string): Promise<JoinTokenRecord | undefined>;
  /** True where it could still be redeemed until now. */
  revokeJoinToken(id: string, by: string, at: Date, event: AuditEvent): Promise<boolean>;
  /** Spends the token and enrols the node, both or neither. At most one caller, over all replicas and time, gets `redeemed`. */
  redeemJoinToken(redemption: Redemption): Promise<Redeemed>;
}

export function joinTokenOperations({ builder, reader, transact, queries }: StoreParts): JoinTokenStore {
  const { nodes, audit } = queries;
  const tokens = joinTokenQueries(builder);
  return {
    createJoinToken: (token, event) =>
      transact(async (tx) => {
        await tokens.create(tx, {
          id: token.id,
          secret_hash: token.secretHash,
          node_name: token.nodeName,
          pool: token.pool,
          created_at: token.createdAt.toISOString(),
          created_by: token.createdBy,
          expires_at: token.expiresAt.toISOString(),
        });
        await appendAudit(tx, audit, event);
      }),

    async listJoinTokens(limit) {
      const { rows } = await tokens.list(reader, { limit: pageLimit(limit) });
      return rows.map(tokenFromRow);
    },

    async findJoinToken(id) {
      return (await tokens.find(reader, { id })).rows.map(tokenFromRow).at(0);
    },

    revokeJoinToken: (id, by, at, event) =>
      transact(async (tx) => {
        const now = at.toISOString();
        const { affected } = await tokens.revoke(tx, { id, now, by });
        if (affected === 1) await appendAudit(tx, audit, event);
        return affected === 1;
      }),

    redeemJoinToken: ({ id, at, enrolment, by, event }) =>
      transact(async (tx): Promise<Redeemed> => {
        const [conflict] = await findEnrolmentConflicts([enrolment], {
          hasName: async (name) => (await nodes.findByName(tx, { name })).rows.length > 0,
          hasEk: async (ek) => (await nodes.findByEk(tx, { ek })).rows.length > 0,
        });
        if (conflict !== undefined) return { kind: 'conflict', conflict: conflict.conflict };
        const { name, pool, ekFingerprint: key } = enrolment;
        const spent = await tokens.redeem(tx, { id, name, pool, key, now: at.toISOString() });
        if (spent.affected !== 1) return { kind: 'not-redeemable' };
        await insertNode(tx, nodes, enrolment, by, at);
        await appendAudit(tx, audit, event);
        return { kind: 'redeemed' };
      }),
  };
}

type CreatedColumns = Omit<JoinTokensTable, 'redeemed_at' | 'redeemed_key' | 'revoked_at' | 'revoked_by'>;

function joinTokenQueries(db: Kysely<Schema>) {
  return {
    create: prepareQuery((p: ParameterOf<CreatedColumns>) =>
      db.insertInto('join_tokens').values({
        id: p('id'),
        secret_hash: p('secret_hash'),
        node_name: p('node_name'),
        pool: p('pool'),
        created_at: p('created_at'),
        created_by: p('created_by'),
        expires_at: p('expires_at'),
      }),
    ),
    list: prepareQuery((p: ParameterOf<{ limit: number }>) =>
      db.selectFrom('join_tokens').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(p('limit')),
    ),
    find: prepareQuery((p: ParameterOf<{ id: string }>) =>
      db.selectFrom('join_tokens').selectAll().where('id', '=', p('id')),
    ),
    revoke: prepareQuery((p: ParameterOf<{ id: string; now: string; by: string }>) =>
      db
        .updateTable('join_tokens')
        .set({ revoked_at: p('now'), revoked_by: p('by') })
        .where('id', '=', p('id'))
        .where('redeemed_at', 'is', null)
        .where('revoked_at', 'is', null),
    ),
    redeem: prepareQuery(
      (p: ParameterOf<{ id: string; name: NodeName; pool: PoolName; key: EkFingerprint; now: string }>) =>
        db
          .updateTable('join_tokens')
          .set({ redeemed_at: p('now'), redeemed_key: p('key') })
          .where('id', '=', p('id'))
          .where('node_name', '=', p('name'))
          .where('pool', '=', p('pool'))
          .where('redeemed_at', 'is', null)
          .where('revoked_at', 'is', null)
          .where('expires_at', '>', sql<string>`${p('now')}`),
    ),
  };
}

function tokenFromRow(row: JoinTokensTable): JoinTokenRecord {
  return {
    id: row.id,
    secretHash: row.secret_hash,
    nodeName: row.node_name,
    pool: row.pool,
    createdAt: new Date(row.created_at),
    createdBy: row.created_by,
    expiresAt: new Date(row.expires_at),
    redeemedAt: row.redeemed_at === null ? undefined : new Date(row.redeemed_at),
    redeemedKey: row.redeemed_key ?? undefined,
    revokedAt: row.revoked_at === null ? undefined : new Date(row.revoked_at),
  };
}
