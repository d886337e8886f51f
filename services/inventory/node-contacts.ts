import type { Clock } from '#core/clock.ts';
import type { NodeId, NodeName } from '#core/ids.ts';
import { nodeBooted } from '#services/audit/contact-events.ts';
import type { ContactReader, ContactWriter, KnownContact, NodeContact } from '#services/store/contact-store.ts';
import type { LeaderElection } from '#services/store/leader-lock.ts';

import { connectivityAfter, isWorse, type Silence } from './connectivity.ts';
import { changeOf, type ContactEntry, markRecorded, mergeRecorded, newEntry, restoredEntry } from './contact-entry.ts';

export interface NodeContactsDeps {
  readonly now: Clock;
  /** Milliseconds of a clock that is never set, so that a step of the machine's time makes nobody late. */
  readonly elapsedMs: () => number;
  /** Lets other work go first. */
  readonly turn: () => Promise<void>;
  readonly silence: Silence;
  readonly store: Pick<ContactReader, 'listContacts' | 'listContactChanges'> &
    Pick<ContactWriter, 'recordContacts'> &
    Pick<LeaderElection, 'isShared'>;
}

/** One heartbeat of a node whose certificate was found good. All but `at` and `address` the node claims. */
export interface Heard {
  readonly nodeId: NodeId;
  readonly name: NodeName;
  readonly at: Date;
  readonly address: string | undefined;
  readonly bootId: string;
  readonly agentVersion: string;
  /** The node's clock less ours. */
  readonly clockOffsetMs: number;
}

const PAGE = 5_000;
/** Nodes looked at, or recorded, before other work has its turn. */
const SWEEP_SLICE = 500;
const RECORD_BATCH = 100;
/**
 * In a store that is shared, silence counts from so much later: another process keeps what it heard to itself for up to ten seconds
 * (`RECORD_ALL_EVERY` in `services/compose/keep-contacts.ts`), and one more passes until it is read.
 */
export const SHARED_SILENCE_MS = 15_000;
/** Boots of one node that wait to be recorded. A node that claims more is not believed. */
const EVENTS_WAITING_MAX = 4;

/**
 * What was heard of every node, in memory: a heartbeat costs no write. What is heard is recorded in batches; what is lost when the process
 * is killed is the time of the last contacts, and the next heartbeat brings it back. Changes of connectivity and of boots are recorded with
 * an audit record each, in one transaction with the node's row; one that was lost is found again by the next heartbeat or sweep.
 *
 * Over a store that is shared each process hears some of the heartbeats. `refresh` brings in what others recorded, and nothing is recorded over what
 * another recorded in the meantime.
 */
export class NodeContacts {
  readonly #deps: NodeContactsDeps;
  readonly #entries = new Map<NodeId, ContactEntry>();
  readonly #byName = new Map<NodeName, NodeId>();
  /** Silence is counted from then at the earliest: the service was away before, not the nodes. */
  #countedFromMs: number;
  #refreshedTo = 0;
  #isCutOff = false;
  #waiting = new Set<ContactEntry>();
  #urgent = new Set<ContactEntry>();
  #recording: Promise<void> = Promise.resolve();

  private constructor(deps: NodeContactsDeps) {
    this.#deps = deps;
    this.#countedFromMs = deps.elapsedMs();
  }

  /** Everything that the store knows is in memory when the promise resolves. Silence counts from now: the service was away, not the nodes. */
  static async open(deps: NodeContactsDeps): Promise<NodeContacts> {
    const contacts = new NodeContacts(deps);
    let after: NodeId | undefined;
    do {
      const page = await deps.store.listContacts({ after, limit: PAGE });
      for (const known of page) contacts.#keep(restoredEntry(known));
      after = page.length < PAGE ? undefined : page.at(-1)?.nodeId;
    } while (after !== undefined);
    return contacts;
  }

  /** What was heard of a node, the newest there is; undefined for nothing at all. */
  of(nodeId: NodeId): NodeContact | undefined {
    return this.#entries.get(nodeId)?.contact;
  }

  /** Takes a heartbeat. It is in memory on return, and not yet on record. */
  heard(heard: Heard): void {
    const { nodeId, name, at, address, bootId, agentVersion, clockOffsetMs } = heard;
    const entry = this.#entryOf(nodeId, name);
    const { contact } = entry;
    const rebooted = contact.bootId !== bootId;
    if (rebooted && entry.events.length < EVENTS_WAITING_MAX) {
      const boot = { nodeId, nodeName: name, bootId, previousBootId: contact.bootId, agentVersion, address };
      entry.events = [...entry.events, nodeBooted(at, boot)];
    }
    if (address !== undefined) entry.address = address;
    entry.contact = {
      ...contact,
      lastHeartbeatAt: at,
      bootId,
      bootSeenAt: rebooted ? at : contact.bootSeenAt,
      bootsSeen: contact.bootsSeen + (rebooted ? 1 : 0),
      agentVersion,
      clockOffsetMs,
    };
    this.#alive(entry, at, rebooted);
  }

  /** Takes the renewTime of a node's Lease. Nothing happens for a name that no heartbeat, join or request ever named, or for an older time. */
  leaseSeen(name: NodeName, renewedAt: Date): void {
    const nodeId = this.#byName.get(name);
    const entry = nodeId === undefined ? undefined : this.#entries.get(nodeId);
    if (entry === undefined || (entry.contact.lastLeaseAt ?? 0) >= renewedAt) return;
    entry.contact = { ...entry.contact, lastLeaseAt: renewedAt };
    this.#alive(entry, this.#deps.now(), false);
  }

  /** Takes the address that an accepted join came from. A join is no heartbeat: it says nothing of connectivity. */
  joinedFrom(nodeId: NodeId, name: NodeName, address: string): void {
    const entry = this.#entryOf(nodeId, name);
    entry.address = address;
    this.#changed(entry, false);
  }

  /** Takes what an administrator asked for, once it is on record. */
  renewalRequested(nodeId: NodeId, name: NodeName, at: Date): void {
    const entry = this.#entryOf(nodeId, name);
    entry.contact = { ...entry.contact, renewRequestedAt: at };
  }

  /**
   * Brings in what other processes recorded, where the store is shared. After it rejected, silence counts from its next success: what others heard
   * meanwhile could not be known.
   */
  async refresh(): Promise<void> {
    const { store, elapsedMs, turn } = this.#deps;
    if (!store.isShared) return;
    try {
      for (;;) {
        const page = await store.listContactChanges(this.#refreshedTo, PAGE);
        for (const known of page) this.#merge(known);
        this.#refreshedTo = page.at(-1)?.revision ?? this.#refreshedTo;
        if (page.length < PAGE) break;
        await turn();
      }
    } catch (error) {
      this.#isCutOff = true;
      throw error;
    }
    if (this.#isCutOff) this.#countedFromMs = elapsedMs();
    this.#isCutOff = false;
  }

  /** Finds the nodes that silence has made late or lost: for one process at a time. Resolves to how many there were. */
  async sweep(): Promise<number> {
    const { elapsedMs, now, turn, silence, store } = this.#deps;
    if (this.#isCutOff) return 0;
    const spareMs = store.isShared ? SHARED_SILENCE_MS : 0;
    let looked = 0;
    let found = 0;
    for (const entry of this.#entries.values()) {
      const silentMs = elapsedMs() - Math.max(entry.heardMs ?? 0, this.#countedFromMs) - spareMs;
      const connectivity = connectivityAfter(silentMs, silence);
      if (isWorse(connectivity, entry.contact.connectivity)) {
        entry.contact = { ...entry.contact, connectivity, connectivitySince: now() };
        this.#changed(entry, true);
        found += 1;
      }
      looked += 1;
      if (looked % SWEEP_SLICE === 0) await turn();
    }
    return found;
  }

  /**
   * What changed is on record when the promise resolves: boots and changes of connectivity, and with `everything` the times of the last
   * contacts. What cannot be recorded is kept, and the promise rejects.
   */
  record(everything: boolean): Promise<void> {
    const recording = this.#recording.then(() => this.#recordNow(everything));
    this.#recording = recording.catch(() => undefined);
    return recording;
  }

  async #recordNow(everything: boolean): Promise<void> {
    const due = everything ? [...new Set([...this.#urgent, ...this.#waiting])] : [...this.#urgent];
    for (let at = 0; at < due.length; at += RECORD_BATCH) {
      await this.#recordBatch(due.slice(at, at + RECORD_BATCH));
      await this.#deps.turn();
    }
  }

  async #recordBatch(entries: readonly ContactEntry[]): Promise<void> {
    const { elapsedMs, now, store } = this.#deps;
    const nowMs = elapsedMs();
    const asOf = now();
    const batch = entries.map((entry) => {
      const change = changeOf(entry, nowMs, asOf);
      return { entry, revision: entry.revision, change: store.isShared ? { ...change, basis: entry.basis } : change };
    });
    const recorded = await store.recordContacts(batch.map(({ change }) => change));
    for (const [index, { entry, revision, change }] of batch.entries()) {
      const became = recorded[index];
      if (became?.outcome === 'gone') this.#forget(entry);
      // A stale one is tried again, once the next refresh has brought in what it was not made from.
      if (became?.outcome !== 'recorded') continue;
      entry.basis = became.revision;
      if (markRecorded(entry, change, revision, nowMs)) this.#settled(entry);
    }
  }

  #entryOf(nodeId: NodeId, name: NodeName): ContactEntry {
    const known = this.#entries.get(nodeId);
    if (known !== undefined) return known;
    const entry = newEntry(nodeId, name);
    this.#keep(entry);
    return entry;
  }

  #keep(entry: ContactEntry): void {
    this.#entries.set(entry.nodeId, entry);
    this.#byName.set(entry.name, entry.nodeId);
  }

  #merge(known: KnownContact): void {
    const entry = this.#entries.get(known.nodeId);
    if (entry === undefined) {
      const added = restoredEntry(known);
      added.heardMs = this.#deps.elapsedMs();
      this.#keep(added);
      return;
    }
    if (known.revision <= entry.basis) return;
    const isDirty = this.#waiting.has(entry) || this.#urgent.has(entry);
    if (mergeRecorded(entry, known, isDirty)) entry.heardMs = this.#deps.elapsedMs();
    if (entry.contact.connectivity !== entry.recordedConnectivity) this.#changed(entry, true);
  }

  #alive(entry: ContactEntry, at: Date, isUrgent: boolean): void {
    entry.heardMs = this.#deps.elapsedMs();
    const isBack = entry.contact.connectivity !== 'connected';
    if (isBack) entry.contact = { ...entry.contact, connectivity: 'connected', connectivitySince: at };
    this.#changed(entry, isUrgent || isBack);
  }

  #changed(entry: ContactEntry, isUrgent: boolean): void {
    entry.revision += 1;
    (isUrgent ? this.#urgent : this.#waiting).add(entry);
  }

  #settled(entry: ContactEntry): void {
    this.#waiting.delete(entry);
    this.#urgent.delete(entry);
  }

  #forget(entry: ContactEntry): void {
    this.#settled(entry);
    this.#entries.delete(entry.nodeId);
    if (this.#byName.get(entry.name) === entry.nodeId) this.#byName.delete(entry.name);
  }
}
