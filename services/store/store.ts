import type { AuditEvent, AuditRecord } from '#core/audit-record.ts';
import type { Bytes } from '#core/bytes.ts';
import type { GenerationStanding } from '#core/generation.ts';
import type {
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
import type { CertificateState, IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { BootEpoch, ImaProgress, NodeRecord, NodeState } from '#core/node-record.ts';

import type { NodeLifeWriter } from './node-life.ts';
import type { RevocationReader, RevocationWriter } from './revocations.ts';

import type { AuditExportStore } from './audit-exports.ts';
import type { CandidateReader, CandidateWriter } from './candidates.ts';
import type { CensusReader } from './census.ts';
import type { KeyHolders } from './key-holders.ts';

import type { ContactReader, ContactWriter } from './contact-store.ts';
import type { JoinTokenStore } from './join-tokens.ts';
import type { CrlListStore } from './crl-lists.ts';
import type { LeaderElection } from './leader-lock.ts';
import type { StepUpStore } from './step-ups.ts';
import type { TermStore } from './terms.ts';

/** A certificate's row: from the moment its intent was recorded. */
export interface CertificateRecord {
  readonly serial: Serial;
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly requestId: RequestId;
  readonly state: CertificateState;
  readonly spkiFingerprint: SpkiFingerprint;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Set once it was signed. */
  readonly fingerprint: CertificateFingerprint | undefined;
  readonly der: Bytes | undefined;
}

/** What an administrator's enrolment says of one node; everything else in its record follows. */
export interface Enrolment {
  readonly id: NodeId;
  readonly name: NodeName;
  readonly pool: PoolName;
  readonly ekFingerprint: EkFingerprint;
  readonly ekCertificate: Bytes | undefined;
  /** DER of the key that signs measurements, where the node has no TPM; `ekFingerprint` is then this key's. */
  readonly measurementSpki?: Bytes | undefined;
}

/** One line of an enrolment that cannot stand beside what is recorded, or beside an earlier line. */
export interface EnrolmentConflict {
  /** Index into the list that was given. */
  readonly index: number;
  readonly conflict: 'name-taken' | 'ek-taken';
}

export type EnrolOutcome =
  | { readonly ok: true; readonly nodes: readonly NodeRecord[] }
  | { readonly ok: false; readonly conflicts: readonly EnrolmentConflict[] };

/**
 * What taking a ticket found. `fresh`: nobody took it before; it is spent now. `repeat`: the same request took it and got this
 * certificate. `in-progress`: the same request took it and has no outcome on record yet. `spent`: anything else, also
 * the same request after it was refused.
 */
export type TicketTaken =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'repeat'; readonly certificate: CertificateRecord }
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'spent' };

export interface TicketTake {
  readonly ticketId: TicketId;
  /** SHA-256 over the join request: tells a repeat from another request with the same ticket. */
  readonly requestDigest: string;
  readonly requestId: RequestId;
  /** The row may be forgotten after this: an expired ticket is refused before the store is asked. */
  readonly expiresAt: Date;
}

/** What an accepted join teaches about its node. */
export interface JoinFacts {
  readonly nodeId: NodeId;
  readonly at: Date;
  readonly address: string;
  readonly bootEpoch: BootEpoch | undefined;
  readonly akName: string | undefined;
  /** Undefined where the pool asks for no IMA list. */
  readonly imaProgress: ImaProgress | undefined;
  /** Of a node without a TPM: the certificate that it showed in this join. */
  readonly generation?: { readonly shown: CertificateFingerprint | undefined } | undefined;
  /** Of the TPM: 16 hex digits. */
  readonly firmwareVersion?: string | undefined;
}

export interface NodeFilter {
  readonly pool?: PoolName | undefined;
  readonly state?: NodeState | undefined;
}

/** The half that cannot change anything. Every `limit` is a whole number from 1 to 10,000; any other is a RangeError. */
export interface StoreReader extends RevocationReader, CandidateReader, KeyHolders, CensusReader {
  /** The node, not retired, that holds this EK. */
  findNodeByEk(ek: EkFingerprint): Promise<NodeRecord | undefined>;
  /** The node, not retired, that bears this name. */
  findNodeByName(name: NodeName): Promise<NodeRecord | undefined>;
  findNode(id: NodeId): Promise<NodeRecord | undefined>;
  /** Nodes in order of name, after `after`, at most `limit`. Retired ones only when `filter.state` asks for them. */
  listNodes(filter: NodeFilter, page: { after?: NodeName | undefined; limit: number }): Promise<readonly NodeRecord[]>;
  findCertificate(serial: Serial): Promise<CertificateRecord | undefined>;
  readonly listJoinTokens: JoinTokenStore['listJoinTokens'];
  readonly findJoinToken: JoinTokenStore['findJoinToken'];
  readonly crlListNumber: CrlListStore['crlListNumber'];
  readonly findCrlList: CrlListStore['findCrlList'];
  /** A node's certificates, newest notBefore first, at most `limit`. */
  listCertificates(nodeId: NodeId, limit: number): Promise<readonly CertificateRecord[]>;
  /** Audit records with a sequence above `after`, oldest first, at most `limit`. */
  readAudit(after: number, limit: number): Promise<readonly AuditRecord[]>;
  /** Every audit record of one request, oldest first. */
  readAuditOfRequest(requestId: RequestId): Promise<readonly AuditRecord[]>;
  /** The newest audit records about one node with a sequence below `before`, or of all, newest first, at most `limit`. */
  readAuditOfNode(name: NodeName, limit: number, before?: number): Promise<readonly AuditRecord[]>;
  /** The newest audit records of one type with a sequence below `before`, or of all, newest first, at most `limit`. */
  readAuditOfType(type: string, page: { before?: number | undefined; limit: number }): Promise<readonly AuditRecord[]>;
  /** The head as the log itself remembers it, apart from the records. */
  auditHead(): Promise<{ sequence: number; hash: string }>;
  readonly findExportCursor: AuditExportStore['findExportCursor'];
}

/** An intent that becomes no certificate, and the audit event that tells of it. */
export interface Orphaning {
  readonly serial: Serial;
  readonly event: AuditEvent;
}

/**
 * The half that changes things. Each method is one transaction, durable (synchronous=FULL) when its promise resolves, and takes the
 * audit event that tells of the change: the two stand or fall together. "Throws" is a StoreConflictError, and nothing was changed; a
 * store that cannot do its part throws a DependencyError, and whether it was done is then not known.
 */
export interface StoreWriter extends NodeLifeWriter, RevocationWriter, CandidateWriter {
  /** An audit record alone: a refusal, a start, a stop. Resolves to the record in its place. */
  appendAudit(event: AuditEvent): Promise<AuditRecord>;
  /** All of them or none. Names and EKs are unique over every node that was ever enrolled and not retired. */
  enrolNodes(
    enrolments: readonly Enrolment[],
    by: string,
    at: Date,
    events: readonly AuditEvent[],
  ): Promise<EnrolOutcome>;
  /** Takes the ticket, whatever follows. At most one caller, over all replicas and time, gets `fresh`. */
  takeTicket(take: TicketTake): Promise<TicketTaken>;
  /**
   * The intent, before the signature. Throws if the serial is known already; unless this very request took the ticket and reserved
   * nothing for it before; and unless the node is known by that id and name and is `enrolled` or `joined`.
   */
  reserveSerial(intent: IssuanceIntent, ticketId: TicketId, event: AuditEvent): Promise<void>;
  /**
   * The signature's result and what the join taught; the node becomes `joined`. Throws unless the serial is this node's and its state
   * is `signing`; when the node may no longer join, as one barred in the meantime; and where `join.generation` shows that its key has two
   * holders by now (`core/generation.ts`).
   */
  recordIssued(certificate: IssuedCertificate, join: JoinFacts, event: AuditEvent): Promise<void>;
  /**
   * Intents whose process died become `orphaned`, each with its audit record made by `toEvent`, and stand on the revocation list as
   * `superseded`: whether they were signed is not known. They are those of certificates whose notBefore is before `begunBefore`; where it is left
   * out, all there are, which is for the start of a process before any join. A store that is shared spares what began in the last ten
   * minutes, whatever it is given. Resolves to them.
   */
  orphanUnfinished(
    toEvent: (intent: CertificateRecord) => AuditEvent,
    begunBefore?: Date,
  ): Promise<readonly CertificateRecord[]>;
  /**
   * Those of the serials that are still `signing` become `orphaned`, each with its event, and stand on the revocation list as `superseded`.
   * Resolves to them.
   */
  orphanSerials(orphanings: readonly Orphaning[]): Promise<readonly Serial[]>;
  /** Forgets tickets that expired before `before`. Resolves to how many. */
  forgetTickets(before: Date): Promise<number>;
  /**
   * A node showed a certificate of its own otherwise than by a join. Where it is the newest, that is remembered: an older one is a conflict from
   * then on. Undefined for a node that has a TPM, and for none.
   */
  showGeneration(nodeId: NodeId, shown: CertificateFingerprint): Promise<GenerationStanding | undefined>;
  readonly createJoinToken: JoinTokenStore['createJoinToken'];
  readonly revokeJoinToken: JoinTokenStore['revokeJoinToken'];
  readonly redeemJoinToken: JoinTokenStore['redeemJoinToken'];
  readonly useStepUp: StepUpStore['useStepUp'];
  readonly moveExportCursor: AuditExportStore['moveExportCursor'];
  readonly beginTerm: TermStore['beginTerm'];
  readonly recordCrl: CrlListStore['recordCrl'];
}

export interface Store extends StoreReader, ContactReader, StoreWriter, ContactWriter, LeaderElection, AsyncDisposable {
  /**
   * Aborts, with a DependencyError as its reason, when what the store wrote or read is in doubt (an fsync that failed, a damaged file, a
   * thread that died). Every call rejects from then on; the process should end, and be started again.
   */
  readonly failure: AbortSignal;
}
