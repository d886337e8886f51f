import type { AuditEvent, AuditRecord } from '#core/audit-record.ts';
import type { Bytes } from '#core/bytes.ts';
import { DependencyError } from '#core/dependency-error.ts';
import type { EkFingerprint, NodeId, NodeName, RequestId, Serial, TicketId } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { NodeRecord } from '#core/node-record.ts';

import { orphanUnfinished } from '../store-operations.ts';
import type {
  CertificateRecord,
  EnrolOutcome,
  Enrolment,
  JoinFacts,
  NodeFilter,
  Store,
  TicketTake,
  TicketTaken,
} from '../store.ts';
import type { StoreOperations, Orphaning } from '../store-operations.ts';
import { callerError } from './caller-error.ts';
import { type PointReads, openPointReads } from './point-reads.ts';
import { WorkerLink } from './worker-link.ts';

export interface SqliteStoreOptions {
  /** The database file. Its directory must be the owner's alone (0700); both are made where they are missing. */
  readonly path: string;
}

/**
 * The store in a SQLite file: a thread of its own writes it and reads lists from it; single rows are read here. It is there and found sound when the promise resolves; rejects with a
 * DependencyError otherwise, also while another process has it: a second one would take the first one's unfinished signatures for
 * orphans.
 */
export async function openSqliteStore({ path }: SqliteStoreOptions): Promise<Store> {
  const link = await WorkerLink.open(path);
  try {
    return new SqliteStore(link, openPointReads(path));
  } catch (cause) {
    await link.close();
    throw new DependencyError('store', `the store at ${path} cannot be read`, { cause });
  }
}

class SqliteStore implements Store, StoreOperations {
  readonly #link: WorkerLink;
  readonly #points: PointReads;

  constructor(link: WorkerLink, points: PointReads) {
    this.#link = link;
    this.#points = points;
  }

  get failure(): AbortSignal {
    return this.#link.failure;
  }

  findNodeByEk(ek: EkFingerprint): Promise<NodeRecord | undefined> {
    return this.#readPoint(() => this.#points.findNodeByEk(ek));
  }

  findNodeByName(name: NodeName): Promise<NodeRecord | undefined> {
    return this.#readPoint(() => this.#points.findNodeByName(name));
  }

  findNode(id: NodeId): Promise<NodeRecord | undefined> {
    return this.#readPoint(() => this.#points.findNode(id));
  }

  listNodes(filter: NodeFilter, page: { after?: NodeName | undefined; limit: number }): Promise<readonly NodeRecord[]> {
    return this.#link.call('listNodes', filter, page);
  }

  findCertificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.#readPoint(() => this.#points.findCertificate(serial));
  }

  listCertificates(nodeId: NodeId, limit: number): Promise<readonly CertificateRecord[]> {
    return this.#link.call('listCertificates', nodeId, limit);
  }

  readAudit(after: number, limit: number): Promise<readonly AuditRecord[]> {
    return this.#link.call('readAudit', after, limit);
  }

  readAuditOfRequest(requestId: RequestId): Promise<readonly AuditRecord[]> {
    return this.#link.call('readAuditOfRequest', requestId);
  }

  readAuditOfNode(name: NodeName, limit: number): Promise<readonly AuditRecord[]> {
    return this.#link.call('readAuditOfNode', name, limit);
  }

  readAuditOfType(type: string, page: { before?: number | undefined; limit: number }): Promise<readonly AuditRecord[]> {
    return this.#link.call('readAuditOfType', type, page);
  }

  auditHead(): Promise<{ sequence: number; hash: string }> {
    return this.#link.call('auditHead');
  }

  appendAudit(event: AuditEvent): Promise<AuditRecord> {
    return this.#link.call('appendAudit', event);
  }

  enrolNodes(
    enrolments: readonly Enrolment[],
    by: string,
    at: Date,
    events: readonly AuditEvent[],
  ): Promise<EnrolOutcome> {
    return this.#link.call('enrolNodes', enrolments.map(compactEnrolment), by, at, events);
  }

  takeTicket(take: TicketTake): Promise<TicketTaken> {
    return this.#link.call('takeTicket', take);
  }

  reserveSerial(intent: IssuanceIntent, ticketId: TicketId, event: AuditEvent): Promise<void> {
    return this.#link.call('reserveSerial', intent, ticketId, event);
  }

  recordIssued(certificate: IssuedCertificate, join: JoinFacts, event: AuditEvent): Promise<void> {
    return this.#link.call('recordIssued', { ...certificate, der: compact(certificate.der) }, join, event);
  }

  orphanUnfinished(toEvent: (intent: CertificateRecord) => AuditEvent): Promise<readonly CertificateRecord[]> {
    return orphanUnfinished(this, toEvent);
  }

  listSigning(): Promise<readonly CertificateRecord[]> {
    return this.#link.call('listSigning');
  }

  orphanSerials(orphanings: readonly Orphaning[]): Promise<readonly Serial[]> {
    return this.#link.call('orphanSerials', orphanings);
  }

  forgetTickets(before: Date): Promise<number> {
    return this.#link.call('forgetTickets', before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Before the writer: the last connection to close folds the log into the file, and this one cannot write.
    this.#points.close();
    await this.#link.close();
  }

  /** `read`'s outcome while the store is of use; damage that it meets is the end of that. */
  async #readPoint<T>(read: () => Promise<T>): Promise<T> {
    this.#link.assertUsable();
    try {
      return await read();
    } catch (thrown) {
      const { error, fatal } = callerError(thrown);
      if (fatal !== undefined) this.#link.fail(fatal);
      throw error;
    }
  }
}

function compactEnrolment(enrolment: Enrolment): Enrolment {
  const { ekCertificate } = enrolment;
  return { ...enrolment, ekCertificate: ekCertificate === undefined ? undefined : compact(ekCertificate) };
}

/** Bytes in a buffer of their own: structured cloning takes the whole buffer along, and a Buffer's may be a pool of 64 KiB. */
const compact = (bytes: Bytes): Bytes => new Uint8Array(bytes);
