import { type AuditEvent, type AuditRecord, AUDIT_GENESIS, chainAuditEvent } from '#core/audit-record.ts';
import { DependencyError } from '#core/dependency-error.ts';
import type { EkFingerprint, NodeId, NodeName, RequestId, Serial, TicketId } from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { NodeRecord, NodeState } from '#core/node-record.ts';
import { findEnrolmentConflicts } from '#services/store/enrolment-conflicts.ts';
import { newNodeRecord } from '#services/store/new-node-record.ts';
import { pageLimit } from '#services/store/page-limit.ts';
import { auditRecordFromRow, rowFromAuditRecord } from '#services/store/rows.ts';
import { StoreConflictError } from '#services/store/store-conflict-error.ts';
import { type Orphaning, type StoreOperations, orphanUnfinished } from '#services/store/store-operations.ts';
import type {
  CertificateRecord,
  EnrolOutcome,
  Enrolment,
  JoinFacts,
  NodeFilter,
  Store,
  TicketTake,
  TicketTaken,
} from '#services/store/store.ts';

interface Ticket extends TicketTake {
  readonly serial: Serial | undefined;
}

/** Everything that one transaction may change. Each map is replaced whole, so a copy of this object is a snapshot. */
interface State {
  nodes: ReadonlyMap<NodeId, NodeRecord>;
  certificates: ReadonlyMap<Serial, CertificateRecord>;
  tickets: ReadonlyMap<TicketId, Ticket>;
  audit: readonly AuditRecord[];
}

/** A store for tests: the semantics of `Store`, through the same contract suite, and gone with the process. */
export class MemoryStore implements Store, StoreOperations {
  /** While true, every call rejects as one to a store that is out of reach. */
  unavailable = false;
  readonly #failure = new AbortController();
  #state: State = { nodes: new Map(), certificates: new Map(), tickets: new Map(), audit: [] };
  #lastWrite: Promise<unknown> = Promise.resolve();

  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** What an administrator does to a node by means that `Store` does not have yet. */
  setNodeState(id: NodeId, state: NodeState): void {
    const node = this.#state.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    this.#state.nodes = withEntry(this.#state.nodes, id, { ...node, state });
  }

  findNodeByEk(ek: EkFingerprint): Promise<NodeRecord | undefined> {
    return this.#read(({ nodes }) => kept(nodes).find((node) => node.ekFingerprint === ek));
  }

  findNodeByName(name: NodeName): Promise<NodeRecord | undefined> {
    return this.#read(({ nodes }) => kept(nodes).find((node) => node.name === name));
  }

  findNode(id: NodeId): Promise<NodeRecord | undefined> {
    return this.#read(({ nodes }) => nodes.get(id));
  }

  listNodes(
    filter: NodeFilter,
    { after, limit }: { after?: NodeName | undefined; limit: number },
  ): Promise<readonly NodeRecord[]> {
    return this.#read(({ nodes }) =>
      (filter.state === 'retired' ? [...nodes.values()] : kept(nodes))
        .filter((node) => filter.state === undefined || node.state === filter.state)
        .filter((node) => filter.pool === undefined || node.pool === filter.pool)
        .filter((node) => after === undefined || node.name > after)
        .toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id))
        .slice(0, pageLimit(limit)),
    );
  }

  findCertificate(serial: Serial): Promise<CertificateRecord | undefined> {
    return this.#read(({ certificates }) => certificates.get(serial));
  }

  listCertificates(nodeId: NodeId, limit: number): Promise<readonly CertificateRecord[]> {
    return this.#read(({ certificates }) =>
      [...certificates.values()]
        .filter((certificate) => certificate.nodeId === nodeId)
        .toSorted((a, b) => b.notBefore.getTime() - a.notBefore.getTime() || compare(a.serial, b.serial))
        .slice(0, pageLimit(limit)),
    );
  }

  readAudit(after: number, limit: number): Promise<readonly AuditRecord[]> {
    return this.#read(({ audit }) => audit.filter(({ sequence }) => sequence > after).slice(0, pageLimit(limit)));
  }

  readAuditOfRequest(requestId: RequestId): Promise<readonly AuditRecord[]> {
    return this.#read(({ audit }) => audit.filter((record) => record.requestId === requestId));
  }

  readAuditOfNode(name: NodeName, limit: number): Promise<readonly AuditRecord[]> {
    return this.#read(({ audit }) =>
      audit
        .filter((record) => record.nodeName === name)
        .toReversed()
        .slice(0, pageLimit(limit)),
    );
  }

  readAuditOfType(type: string, page: { before?: number | undefined; limit: number }): Promise<readonly AuditRecord[]> {
    const { before = Number.MAX_SAFE_INTEGER } = page;
    return this.#read(({ audit }) =>
      audit
        .filter((record) => record.type === type && record.sequence < before)
        .toReversed()
        .slice(0, pageLimit(page.limit)),
    );
  }

  auditHead(): Promise<{ sequence: number; hash: string }> {
    return this.#read(({ audit }) => headOf(audit));
  }

  appendAudit(event: AuditEvent): Promise<AuditRecord> {
    return this.#write((state) => append(state, event));
  }

  enrolNodes(
    enrolments: readonly Enrolment[],
    by: string,
    at: Date,
    events: readonly AuditEvent[],
  ): Promise<EnrolOutcome> {
    return this.#write(async (state): Promise<EnrolOutcome> => {
      const conflicts = await findEnrolmentConflicts(enrolments, {
        hasName: (name) => Promise.resolve(kept(state.nodes).some((node) => node.name === name)),
        hasEk: (ek) => Promise.resolve(kept(state.nodes).some((node) => node.ekFingerprint === ek)),
      });
      if (conflicts.length > 0) return { ok: false, conflicts };
      const nodes = enrolments.map((enrolment) => newNodeRecord(copied(enrolment), by, at));
      for (const node of nodes) {
        if (state.nodes.has(node.id)) throw new Error(`node ${node.id} is known already`);
        state.nodes = withEntry(state.nodes, node.id, node);
      }
      for (const event of events) append(state, event);
      return { ok: true, nodes };
    });
  }

  takeTicket(take: TicketTake): Promise<TicketTaken> {
    return this.#write((state): TicketTaken => {
      const ticket = state.tickets.get(take.ticketId);
      if (ticket === undefined) {
        state.tickets = withEntry(state.tickets, take.ticketId, { ...take, serial: undefined });
        return { kind: 'fresh' };
      }
      if (ticket.requestDigest !== take.requestDigest) return { kind: 'spent' };
      if (ticket.serial === undefined) {
        const isRefused = state.audit.some(({ requestId }) => requestId === ticket.requestId);
        return { kind: isRefused ? 'spent' : 'in-progress' };
      }
      const certificate = state.certificates.get(ticket.serial);
      if (certificate?.state === 'signing') return { kind: 'in-progress' };
      return certificate?.state === 'issued' ? { kind: 'repeat', certificate } : { kind: 'spent' };
    });
  }

  reserveSerial(intent: IssuanceIntent, ticketId: TicketId, event: AuditEvent): Promise<void> {
    const { serial, nodeId, nodeName, requestId, spkiFingerprint, notBefore, notAfter } = intent;
    return this.#write((state) => {
      const ticket = state.tickets.get(ticketId);
      const held = ticket?.requestId === requestId && ticket.serial === undefined;
      if (ticket === undefined || !held) throw new StoreConflictError('ticket-not-held');
      const node = state.nodes.get(nodeId);
      if (node?.name !== nodeName || !isAdmissible(node)) throw new StoreConflictError('node-not-admissible');
      if (state.certificates.has(serial)) throw new StoreConflictError('serial-known');
      state.tickets = withEntry(state.tickets, ticketId, { ...ticket, serial });
      state.certificates = withEntry(state.certificates, serial, {
        serial,
        nodeId,
        nodeName,
        requestId,
        spkiFingerprint,
        notBefore,
        notAfter,
        state: 'signing',
        fingerprint: undefined,
        der: undefined,
      });
      append(state, event);
    });
  }

  recordIssued(certificate: IssuedCertificate, join: JoinFacts, event: AuditEvent): Promise<void> {
    const { serial, fingerprint } = certificate;
    const der = new Uint8Array(certificate.der);
    return this.#write((state) => {
      const intent = state.certificates.get(serial);
      if (intent?.state !== 'signing' || intent.nodeId !== join.nodeId) {
        throw new StoreConflictError('serial-not-signing');
      }
      const node = state.nodes.get(join.nodeId);
      if (node === undefined || !isAdmissible(node)) throw new StoreConflictError('node-not-admissible');
      state.certificates = withEntry(state.certificates, serial, { ...intent, state: 'issued', fingerprint, der });
      state.nodes = withEntry(state.nodes, node.id, {
        ...node,
        state: 'joined',
        lastJoinAt: join.at,
        lastAddress: join.address,
        bootEpoch: join.bootEpoch,
        akName: join.akName,
      });
      append(state, event);
    });
  }

  orphanUnfinished(toEvent: (intent: CertificateRecord) => AuditEvent): Promise<readonly CertificateRecord[]> {
    return orphanUnfinished(this, toEvent);
  }

  listSigning(): Promise<readonly CertificateRecord[]> {
    return this.#read(({ certificates }) =>
      [...certificates.values()]
        .filter(({ state }) => state === 'signing')
        .toSorted((a, b) => compare(a.serial, b.serial)),
    );
  }

  orphanSerials(orphanings: readonly Orphaning[]): Promise<readonly Serial[]> {
    return this.#write((state) => {
      const orphaned = orphanings.filter(({ serial }) => state.certificates.get(serial)?.state === 'signing');
      for (const { serial, event } of orphaned) {
        const intent = state.certificates.get(serial);
        if (intent === undefined) continue;
        state.certificates = withEntry(state.certificates, serial, { ...intent, state: 'orphaned' });
        append(state, event);
      }
      return orphaned.map(({ serial }) => serial);
    });
  }

  forgetTickets(before: Date): Promise<number> {
    return this.#write((state) => {
      const remaining = [...state.tickets].filter(([, ticket]) => ticket.expiresAt >= before);
      const forgotten = state.tickets.size - remaining.length;
      state.tickets = new Map(remaining);
      return forgotten;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.unavailable = true;
    return Promise.resolve();
  }

  async #read<T>(read: (state: State) => T): Promise<T> {
    if (this.unavailable) throw new DependencyError('store', 'the store is out of reach');
    return read(this.#state);
  }

  /** One change after the other; all of `change` or, when it throws, none. */
  #write<T>(change: (state: State) => T | Promise<T>): Promise<T> {
    const written = this.#lastWrite.then(async () => {
      if (this.unavailable) throw new DependencyError('store', 'the store is out of reach');
      const next = { ...this.#state };
      const result = await change(next);
      this.#state = next;
      return result;
    });
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }
}

function append(state: State, event: AuditEvent): AuditRecord {
  // Through a row, as a database would keep it: refused where it cannot be, and nobody else's object.
  const record = auditRecordFromRow(rowFromAuditRecord(chainAuditEvent(event, headOf(state.audit))));
  state.audit = [...state.audit, record];
  return record;
}

const copied = (enrolment: Enrolment): Enrolment => ({
  ...enrolment,
  ekCertificate: enrolment.ekCertificate === undefined ? undefined : new Uint8Array(enrolment.ekCertificate),
});

const headOf = (audit: readonly AuditRecord[]): { sequence: number; hash: string } => ({
  sequence: audit.length,
  hash: audit.at(-1)?.hash ?? AUDIT_GENESIS,
});

const kept = (nodes: ReadonlyMap<NodeId, NodeRecord>): NodeRecord[] =>
  [...nodes.values()].filter(({ state }) => state !== 'retired');

const isAdmissible = ({ state }: NodeRecord): boolean => state === 'enrolled' || state === 'joined';

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
