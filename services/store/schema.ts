import type { Generated } from 'kysely';

import type { Bytes } from '#core/bytes.ts';
import type {
  CandidateId,
  CertificateFingerprint,
  EkFingerprint,
  NodeId,
  NodeName,
  PoolName,
  RequestId,
  Serial,
  SpkiFingerprint,
  TicketId,
} from '#core/ids.ts';
import type { CertificateState } from '#core/issuance.ts';
import type { InterruptedState } from '#core/node-life.ts';
import type { Connectivity, NodeState } from '#core/node-record.ts';

import type { AuditExportCursorsTable } from './audit-exports.ts';
import type { CrlListsTable } from './crl-lists.ts';
import type { CrlsTable, RevocationsTable } from './revocation-schema.ts';
import type { LeaderTermsTable } from './terms.ts';

/**
 * The tables as `migrations/` make them. Times are RFC 3339 in UTC with milliseconds, so that their text sorts as they do. No column
 * holds a secret: what is here may be in a backup or before an administrator's eyes.
 */
export interface Schema {
  readonly nodes: NodesTable;
  readonly certificates: CertificatesTable;
  readonly revocations: RevocationsTable;
  readonly crls: CrlsTable;
  readonly tickets: TicketsTable;
  readonly join_tokens: JoinTokensTable;
  readonly candidates: CandidatesTable;
  readonly step_up_challenges: StepUpChallengesTable;
  readonly step_up_counters: StepUpCountersTable;
  readonly audit_records: AuditRecordsTable;
  readonly audit_head: AuditHeadTable;
  readonly audit_export_cursors: AuditExportCursorsTable;
  readonly node_contacts: NodeContactsTable;
  readonly node_addresses: NodeAddressesTable;
  readonly leader_terms: LeaderTermsTable;
  readonly crl_lists: CrlListsTable;
}

export interface NodesTable {
  id: NodeId;
  /** Unique over the rows whose `retired_at` is null; so is `ek_fingerprint`. */
  name: NodeName;
  pool: PoolName;
  state: NodeState;
  ek_fingerprint: EkFingerprint;
  ek_certificate: Bytes | null;
  /** Set where the node has no TPM: `ek_fingerprint` is then this key's. */
  measurement_key: Bytes | null;
  /** The three of a node without a TPM: `core/generation.ts`. */
  newest_certificate: CertificateFingerprint | null;
  previous_certificate: CertificateFingerprint | null;
  newest_used: 0 | 1 | null;
  enrolled_at: string;
  enrolled_by: string;
  /** Set exactly while `state` is `retired`. */
  retired_at: string | null;
  quarantined_from: InterruptedState | null;
  barred_from: InterruptedState | null;
  last_join_at: string | null;
  last_address: string | null;
  reset_count: number | null;
  restart_count: number | null;
  /** Decimal: a TPM's clock is an unsigned 64-bit number. */
  clock_ms: string | null;
  ak_name: string | null;
  /** Canonical JSON of an ImaProgress. */
  ima_progress: string | null;
  /** Null: never seen. */
  connectivity: Exclude<Connectivity, 'never-seen'> | null;
  /** Set where an administrator approved the node on what it had proven. */
  approved_at: string | null;
  approved_by: string | null;
  /** Of the TPM, at the last accepted join: 16 hex digits. */
  firmware_version: string | null;
}

/** Machines that wait for an administrator, and those that one refused, until they are forgotten. */
export interface CandidatesTable {
  id: CandidateId;
  /** Unique. */
  ek_fingerprint: EkFingerprint;
  ek_certificate: Bytes | null;
  pool: PoolName;
  node_id: NodeId | null;
  /** What one host can call from. */
  network: string;
  state: 'waiting' | 'refused';
  first_seen_at: string;
  last_seen_at: string;
  expires_at: string;
  request_id: RequestId;
  revision: number;
  /** Canonical JSON of a CandidateProof. */
  first_proof: string;
  latest_proof: string;
  /** The three are set exactly while `state` is `refused`. */
  refused_by: string | null;
  refused_at: string | null;
  refused_reason: string | null;
}

export interface CertificatesTable {
  serial: Serial;
  node_id: NodeId;
  node_name: NodeName;
  request_id: RequestId;
  state: CertificateState;
  spki_fingerprint: SpkiFingerprint;
  tbs_digest: string;
  not_before: string;
  not_after: string;
  fingerprint: CertificateFingerprint | null;
  der: Bytes | null;
}

/** Tokens that enrol a key. The secret is not among the columns. */
export interface JoinTokensTable {
  id: string;
  secret_hash: string;
  node_name: NodeName;
  pool: PoolName;
  created_at: string;
  created_by: string;
  expires_at: string;
  /** Set exactly where `redeemed_key` is. */
  redeemed_at: string | null;
  redeemed_key: EkFingerprint | null;
  revoked_at: string | null;
  revoked_by: string | null;
}

/** Second factors that were used. */
export interface StepUpChallengesTable {
  challenge: string;
  expires_at: string;
}

/** The last counter that each security key signed with. */
export interface StepUpCountersTable {
  credential: string;
  counter: number;
}

export interface TicketsTable {
  ticket_id: TicketId;
  request_digest: string;
  request_id: RequestId;
  expires_at: string;
  /** The one serial that was reserved on the strength of this ticket. */
  serial: Serial | null;
}

export interface AuditRecordsTable {
  sequence: number;
  previous_hash: string;
  hash: string;
  type: string;
  at: string;
  actor: string;
  address: string | null;
  request_id: string | null;
  node_name: string | null;
  /** Canonical JSON (RFC 8785). */
  facts: string;
}

/** What was last heard of a node; a node without a row was never heard of. */
export interface NodeContactsTable {
  node_id: NodeId;
  last_heartbeat_at: string | null;
  last_lease_at: string | null;
  connectivity_since: string | null;
  boot_id: string | null;
  boot_seen_at: string | null;
  boots_seen: number;
  agent_version: string | null;
  clock_offset_ms: number | null;
  renew_requested_at: string | null;
  /** Of the last change to the row: above that of every change to any row before. */
  revision: Generated<number>;
}

/** Addresses that a node was heard from: the latest few. */
export interface NodeAddressesTable {
  node_id: NodeId;
  address: string;
  first_seen_at: string;
  last_seen_at: string;
}

/** One row, id 1. */
export interface AuditHeadTable {
  id: number;
  sequence: number;
  hash: string;
}
