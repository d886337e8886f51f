import type { Kysely } from 'kysely';

import type { AuditEvent, AuditRecord } from '#core/audit-record.ts';
import type { EkFingerprint, NodeId, NodeName, RequestId, Serial, TicketId } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { NodeRecord } from '#core/node-record.ts';

import { appendAudit } from './append-audit.ts';
import { auditQueries } from './audit-queries.ts';
import { certificateQueries } from './certificate-queries.ts';
import { findEnrolmentConflicts } from './enrolment-conflicts.ts';
import { nodeQueries } from './node-queries.ts';
import { newNodeRecord } from './new-node-record.ts';
import { pageLimit } from './page-limit.ts';
import type { Executor } from './prepared-query.ts';
import { auditRecordFromRow, certificateFromRow, nodeFromRow } from './rows.ts';
import type { Schema } from './schema.ts';
import { StoreConflictError } from './store-conflict-error.ts';
import type {
  CertificateRecord,
  EnrolOutcome,
  Enrolment,
  JoinFacts,
  NodeFilter,
  TicketTake,
  TicketTaken,
} from './store.ts';
import type { StoreOperations, Orphaning } from './store-operations.ts';
import { ticketQueries } from './ticket-queries.ts';

/** Runs `work` in one transaction; durable when the promise resolves, undone when it rejects. */
export type Transact = <T>(work: (tx: Executor) => Promise<T>) => Promise<T>;

/** The store's operations in the query builder's words: every statement is one that SQLite and PostgreSQL both take. */
export class KyselyStore implements StoreOperations {
  readonly #reader: Executor;
  readonly #transact: Transact;
  readonly #nodes;
  readonly #certificates;
  readonly #tickets;
  readonly #audit;

  /** `builder` compiles, `reader` reads what is committed, `transact` changes. */
  constructor(builder: Kysely<Schema>, reader: Executor, transact: Transact) {
    this.#reader = reader;
    this.#transact = transact;
    this.#nodes = nodeQueries(builder);
    this.#certificates = certificateQueries(builder);
    this.#tickets = ticketQueries(builder);
    this.#audit = auditQueries(builder);
  }

  async findNodeByEk(ek: EkFingerprint): Promise<NodeRecord | undefined> {
    const { rows } = await this.#nodes.findByEk(this.#reader, { ek });
    return rows.map(nodeFromRow).at(0);
  }

  async findNodeByName(name: NodeName): Promise<NodeRecord | undefined> {
    const { rows } = await this.#nodes.findByName(this.#reader, { name });
    return rows.map(nodeFromRow).at(0);
  }

  async findNode(id: NodeId): Promise<NodeRecord | undefined> {
    const { rows } = await this.#nodes.find(this.#reader, { id });
    return rows.map(nodeFromRow).at(0);
  }

  async listNodes(
    filter: NodeFilter,
    page: { after?: NodeName | undefined; limit: number },
  ): Promise<readonly NodeRecord[]> {
    const query = this.#nodes.list(filter, page.after, pageLimit(page.limit));
    const { rows } = await this.#reader.executeQuery(query);
    return rows.map(nodeFromRow);
  }

  async findCertificate(serial: Serial): Promise<CertificateRecord | undefined> {
    const { rows } = await this.#certificates.find(this.#reader, { serial });
    return rows.map(certificateFromRow).at(0);
  }

  async listCertificates(nodeId: NodeId, limit: number): Promise<readonly CertificateRecord[]> {
    const { rows } = await this.#certificates.listOfNode(this.#reader, { nodeId, limit: pageLimit(limit) });
    return rows.map(certificateFromRow);
  }

  async readAudit(after: number, limit: number): Promise<readonly AuditRecord[]> {
    const { rows } = await this.#audit.readAfter(this.#reader, { after, limit: pageLimit(limit) });
    return rows.map(auditRecordFromRow);
  }

  async readAuditOfRequest(requestId: RequestId): Promise<readonly AuditRecord[]> {
    const { rows } = await this.#audit.readOfRequest(this.#reader, { requestId });
    return rows.map(auditRecordFromRow);
  }

  async readAuditOfNode(name: NodeName, limit: number): Promise<readonly AuditRecord[]> {
    const { rows } = await this.#audit.readOfNode(this.#reader, { name, limit: pageLimit(limit) });
    return rows.map(auditRecordFromRow);
  }

  async readAuditOfType(
    type: string,
    page: { before?: number | undefined; limit: number },
  ): Promise<readonly AuditRecord[]> {
    const { before = Number.MAX_SAFE_INTEGER } = page;
    const { rows } = await this.#audit.readOfType(this.#reader, { type, before, limit: pageLimit(page.limit) });
    return rows.map(auditRecordFromRow);
  }

  async auditHead(): Promise<{ sequence: number; hash: string }> {
    const [head] = (await this.#audit.head(this.#reader, {})).rows;
    if (head === undefined) throw new Error('the audit log has no head');
    return { sequence: head.sequence, hash: head.hash };
  }

  appendAudit(event: AuditEvent): Promise<AuditRecord> {
    return this.#transact((tx) => appendAudit(tx, this.#audit, event));
  }

  enrolNodes(
    enrolments: readonly Enrolment[],
    by: string,
    at: Date,
    events: readonly AuditEvent[],
  ): Promise<EnrolOutcome> {
    return this.#transact(async (tx) => {
      const conflicts = await findEnrolmentConflicts(enrolments, {
        hasName: async (name) => (await this.#nodes.findByName(tx, { name })).rows.length > 0,
        hasEk: async (ek) => (await this.#nodes.findByEk(tx, { ek })).rows.length > 0,
      });
      if (conflicts.length > 0) return { ok: false, conflicts };
      const nodes: NodeRecord[] = [];
      for (const enrolment of enrolments) nodes.push(await this.#enrol(tx, enrolment, by, at));
      for (const event of events) await appendAudit(tx, this.#audit, event);
      return { ok: true, nodes };
    });
  }

  async #enrol(tx: Executor, enrolment: Enrolment, by: string, at: Date): Promise<NodeRecord> {
    const { id, name, pool, ekFingerprint, ekCertificate } = enrolment;
    await this.#nodes.enrol(tx, {
      id,
      name,
      pool,
      ek_fingerprint: ekFingerprint,
      ek_certificate: ekCertificate ?? null,
      enrolled_at: at.toISOString(),
      enrolled_by: by,
    });
    return newNodeRecord(enrolment, by, at);
  }

  takeTicket(take: TicketTake): Promise<TicketTaken> {
    return this.#transact(async (tx) => {
      const { affected } = await this.#tickets.take(tx, {
        ticket_id: take.ticketId,
        request_digest: take.requestDigest,
        request_id: take.requestId,
        expires_at: take.expiresAt.toISOString(),
      });
      return affected === 1 ? { kind: 'fresh' } : this.#takenBefore(tx, take);
    });
  }

  async #takenBefore(tx: Executor, take: TicketTake): Promise<TicketTaken> {
    const [ticket] = (await this.#tickets.find(tx, { ticketId: take.ticketId })).rows;
    if (ticket === undefined || ticket.request_digest !== take.requestDigest) return { kind: 'spent' };
    if (ticket.serial === null) {
      // What a join leaves on record before it has a serial is its refusal.
      const outcome = await this.#audit.readOfRequest(tx, { requestId: ticket.request_id });
      return { kind: outcome.rows.length === 0 ? 'in-progress' : 'spent' };
    }
    const [row] = (await this.#certificates.find(tx, { serial: ticket.serial })).rows;
    if (row?.state === 'signing') return { kind: 'in-progress' };
    return row?.state === 'issued' ? { kind: 'repeat', certificate: certificateFromRow(row) } : { kind: 'spent' };
  }

  reserveSerial(intent: IssuanceIntent, ticketId: TicketId, event: AuditEvent): Promise<void> {
    const { serial, nodeId, nodeName, requestId } = intent;
    return this.#transact(async (tx) => {
      const spent = await this.#tickets.spendOn(tx, { ticketId, requestId, serial });
      if (spent.affected !== 1) throw new StoreConflictError('ticket-not-held');
      const node = await this.#nodes.findAdmissible(tx, { id: nodeId, name: nodeName });
      if (node.rows.length !== 1) throw new StoreConflictError('node-not-admissible');
      const reserved = await this.#certificates.reserve(tx, {
        serial,
        node_id: nodeId,
        node_name: nodeName,
        request_id: requestId,
        spki_fingerprint: intent.spkiFingerprint,
        tbs_digest: intent.tbsDigest,
        not_before: intent.notBefore.toISOString(),
        not_after: intent.notAfter.toISOString(),
      });
      if (reserved.affected !== 1) throw new StoreConflictError('serial-known');
      await appendAudit(tx, this.#audit, event);
    });
  }

  recordIssued(certificate: IssuedCertificate, join: JoinFacts, event: AuditEvent): Promise<void> {
    const { serial, fingerprint, der } = certificate;
    return this.#transact(async (tx) => {
      const issued = await this.#certificates.recordIssued(tx, { serial, node_id: join.nodeId, fingerprint, der });
      if (issued.affected !== 1) throw new StoreConflictError('serial-not-signing');
      const joined = await this.#nodes.recordJoin(tx, {
        id: join.nodeId,
        last_join_at: join.at.toISOString(),
        last_address: join.address,
        reset_count: join.bootEpoch?.resetCount ?? null,
        restart_count: join.bootEpoch?.restartCount ?? null,
        clock_ms: join.bootEpoch?.clockMs.toString() ?? null,
        ak_name: join.akName ?? null,
      });
      if (joined.affected !== 1) throw new StoreConflictError('node-not-admissible');
      await appendAudit(tx, this.#audit, event);
    });
  }

  async listSigning(): Promise<readonly CertificateRecord[]> {
    const { rows } = await this.#certificates.listSigning(this.#reader, {});
    return rows.map(certificateFromRow);
  }

  orphanSerials(orphanings: readonly Orphaning[]): Promise<readonly Serial[]> {
    return this.#transact(async (tx) => {
      const orphaned: Serial[] = [];
      for (const { serial, event } of orphanings) {
        const { affected } = await this.#certificates.orphan(tx, { serial });
        if (affected !== 1) continue;
        await appendAudit(tx, this.#audit, event);
        orphaned.push(serial);
      }
      return orphaned;
    });
  }

  forgetTickets(before: Date): Promise<number> {
    return this.#transact(async (tx) => (await this.#tickets.forget(tx, { before: before.toISOString() })).affected);
  }
}
