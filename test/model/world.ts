import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Policy } from '#attestation/evidence-policy.ts';
import { utf8 } from '#core/bytes.ts';
import type { AuditRecord } from '#core/audit-record.ts';
import { systemRandom } from '#core/random.ts';
import { prepareCrl } from '#pki/crl.ts';
import { certificateOrphaned } from '#services/audit/events.ts';
import type { JoinRoutesDeps } from '#services/join/routes.ts';
import { authorize } from '#services/kubernetes/authorize.ts';
import { Knowledge } from '#services/kubernetes/authorizer/knowledge.ts';
import { snapshotFeed } from '#services/kubernetes/snapshot-feed.ts';
import { storeSnapshotSource } from '#services/kubernetes/snapshot-source.ts';
import { parseSubjectAccessReview } from '#services/kubernetes/subject-access-review.ts';
import { CrlEntries } from '#services/revocation/crl-entries.ts';
import { type CrlPublisher, crlPublisher } from '#services/revocation/crl-publisher.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';
import type { Store } from '#services/store/store.ts';
import { fakeClock, type FakeClock } from '#test/fakes/fake-clock.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';
import { silentLog } from '#test/fakes/silent-log.ts';
import { admissionPolicy } from '#test/lab/admission-lab.ts';
import { nodeReview } from '#test/lab/authorizer-lab.ts';
import { enrol, joinLabOver } from '#test/lab/join-lab.ts';
import type { KillPoint } from '#test/lab/kill-points.ts';
import { labSnapshotKeys } from '#test/lab/kubernetes-snapshot.ts';
import { LAB_NOW, labIssuer, type NodeCa } from '#test/lab/node-ca.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { type LabEkCa, labEkCa } from '#test/lab/tpm-certificates.ts';

/** The names that machines have. The last one's is not enrolled ahead of time. */
export const NAMES = ['worker-7', 'worker-8', 'stranger-9'] as const;
export type Name = (typeof NAMES)[number];

/** Machines and their maker: the same for every run, for they remember nothing that matters. */
export interface Machines {
  readonly maker: LabEkCa;
  readonly tpms: Readonly<Record<Name, LabTpm>>;
  readonly policy: Policy;
}

export function machines(): Machines {
  const maker = labEkCa();
  const tpms = { 'worker-7': labTpm(), 'worker-8': labTpm(), 'stranger-9': labTpm() };
  return { maker, tpms, policy: admissionPolicy(tpms['worker-7'], maker.pem, { admission: 'approval' }) };
}

const YEAR_MS = 365 * 86_400_000;

/** The process died. */
export class Crash extends Error {}

/** What happens when a join next passes `point`. */
export interface Trap {
  readonly point: KillPoint;
  readonly spring: () => Promise<void>;
}

/** The service's parts over one store, in one process that can die, and an authorizer on a host of its own. */
export class World {
  readonly clock: FakeClock = fakeClock(LAB_NOW);
  readonly machines: Machines;
  /** What was read of the audit log so far. */
  readonly audit: AuditRecord[] = [];
  trap: Trap | undefined;
  /** Fingerprints that the authorizer let pass, over all of its processes. */
  readonly used = new Set<string>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'muster-model-'));
  readonly #keys = labSnapshotKeys();
  readonly #keepsFile: boolean;
  #isDead = false;
  #store: Store;
  #parts: { deps: JoinRoutesDeps; ca: NodeCa; knowledge: Knowledge; publisher: CrlPublisher } | undefined;

  private constructor(made: Machines, store: Store | undefined) {
    this.machines = made;
    this.#keepsFile = store === undefined;
    this.#store = store ?? memoryStore();
  }

  /** `keepsFile`: over SQLite in a file, which is opened anew after a crash; otherwise over one in memory, which outlives it. */
  static async open(made: Machines, keepsFile: boolean): Promise<World> {
    const world = new World(made, keepsFile ? undefined : memoryStore());
    if (keepsFile) await world.#openFile();
    const { store, clock } = world;
    const lab = await joinLabOver({ store, clock, policy: made.policy, tpm: made.tpms['worker-7'] });
    await enrol(store, made.tpms['worker-8'], { name: 'worker-8' });
    const deps = { ...lab.deps, ...world.#trapped(lab.deps), issuer: world.#trappedIssuer(lab.ca) };
    const knowledge = await world.#openKnowledge();
    world.#parts = { deps, ca: lab.ca, knowledge, publisher: await world.#newPublisher(lab.ca) };
    return world;
  }

  /** The store as the present process has it: of no use to a process that has died. */
  get store(): Store {
    const alive = (): void => {
      if (this.#isDead) throw new Crash('the process has died');
    };
    const current = (): Store => this.#store;
    return new Proxy(this.#store, {
      get: (_, name: Exclude<keyof Store, 'failure' | 'isShared' | typeof Symbol.asyncDispose>) => {
        return async (...args: readonly never[]): Promise<unknown> => {
          alive();
          const operation: (...args: readonly never[]) => Promise<unknown> = current()[name];
          return operation(...args);
        };
      },
    });
  }

  get deps(): JoinRoutesDeps {
    return this.#open.deps;
  }

  /** The issuing CA. */
  get authority(): NodeCa['issuing'] {
    return this.#open.ca.issuing;
  }

  get publisher(): CrlPublisher {
    return this.#open.publisher;
  }

  get knowledge(): Knowledge {
    return this.#open.knowledge;
  }

  get #open() {
    if (this.#parts === undefined) throw new Error('it was opened');
    return this.#parts;
  }

  /** From here on the process does nothing any more. */
  die(): never {
    this.#isDead = true;
    throw new Crash('the process has died');
  }

  /** A new process over what the one before left behind: it begins as the service does. */
  async restart(): Promise<void> {
    if (this.#keepsFile) {
      await this.#store[Symbol.asyncDispose]();
      await this.#openFile();
    }
    this.#isDead = false;
    this.trap = undefined;
    await this.store.orphanUnfinished((intent) => certificateOrphaned(this.clock.now(), intent));
    this.#open.publisher = await this.#newPublisher(this.#open.ca);
  }

  /** The authorizer, with what it has on disk. */
  async restartAuthorizer(): Promise<void> {
    await this.knowledge.settled();
    this.#open.knowledge = await this.#openKnowledge();
  }

  /** The authorizer has every change that there is. */
  async followChanges(): Promise<void> {
    const { clock } = this;
    const source = storeSnapshotSource(this.store, clock.now);
    const pause = () => Promise.resolve();
    const feed = snapshotFeed({ source, key: this.#keys.privateKey, unmanaged: [], now: clock.now, pause });
    const after = this.knowledge.continuesAfter;
    const refusal = await this.knowledge.take(after === undefined ? await feed.whole() : await feed.after(after, 0));
    if (refusal !== undefined) throw new Error(`the authorizer refuses what the service says: ${refusal}`);
  }

  /** What the API server is told of a node's request with the certificate of this fingerprint. */
  authorize(name: Name, fingerprint: string): string {
    const review = parseSubjectAccessReview(utf8(JSON.stringify(nodeReview(name, fingerprint))));
    const decision = this.knowledge.decide(review);
    if (decision.kind === 'no-opinion') this.used.add(fingerprint);
    return decision.kind === 'denied' ? decision.denial : decision.kind;
  }

  /** The same, without its being remembered that the certificate was used. */
  foresee(name: Name, fingerprint: string): string {
    const { snapshot } = this.knowledge;
    const review = parseSubjectAccessReview(utf8(JSON.stringify(nodeReview(name, fingerprint))));
    const isUsed = (one: string): boolean => this.used.has(one);
    const view = { snapshot, now: this.clock.now(), maxAgeMs: YEAR_MS, isUsed, allowNodeCsr: false };
    const decision = authorize(view, review);
    return decision.kind === 'denied' ? decision.denial : decision.kind;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
    await this.#parts?.knowledge.settled();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #openFile(): Promise<void> {
    this.#store = await openSqliteStore({ path: join(this.#folder, 'data', 'muster.db') });
  }

  #openKnowledge(): Promise<Knowledge> {
    return Knowledge.open({
      stateDirectory: this.#folder,
      snapshotKey: this.#keys.publicKey,
      maxAgeMs: YEAR_MS,
      allowNodeCsr: false,
      now: this.clock.now,
      log: silentLog,
    });
  }

  /** The publisher of a process that leads, with its entries in this thread. */
  async #newPublisher({ issuing }: NodeCa): Promise<CrlPublisher> {
    const term = await this.store.beginTerm();
    const openBuilder = () => {
      const entries = new CrlEntries();
      return {
        put: async (...put: Parameters<CrlEntries['put']>) => entries.put(...put),
        forgetServed: async (...served: Parameters<CrlEntries['forgetServed']>) => entries.forgetServed(...served),
        prepare: async (plan: Omit<Parameters<typeof prepareCrl>[0], 'entries'>) => ({
          tbs: await prepareCrl({ ...plan, entries: entries.pieces() }, issuing.certificate),
          size: entries.size,
        }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    };
    const { store, clock } = this;
    return crlPublisher({ authority: issuing, store, now: clock.now, term: () => term, openBuilder });
  }

  async #pass(point: KillPoint): Promise<void> {
    const { trap } = this;
    if (trap?.point !== point) return;
    this.trap = undefined;
    await trap.spring();
  }

  #trapped(deps: JoinRoutesDeps): Partial<JoinRoutesDeps> {
    return {
      takeTicket: async (take) => {
        await this.#pass('before takeTicket');
        const taken = await deps.takeTicket(take);
        await this.#pass('after takeTicket');
        return taken;
      },
      findNodeByEk: async (ek) => {
        const node = await deps.findNodeByEk(ek);
        await this.#pass('after findNodeByEk');
        return node;
      },
      reserveSerial: async (...intent) => {
        await this.#pass('before reserveSerial');
        await deps.reserveSerial(...intent);
        await this.#pass('after reserveSerial');
      },
      recordIssued: async (...issued) => {
        await this.#pass('before recordIssued');
        await deps.recordIssued(...issued);
        await this.#pass('after recordIssued');
      },
    };
  }

  #trappedIssuer(ca: NodeCa): JoinRoutesDeps['issuer'] {
    const issuer = labIssuer(ca, { random: systemRandom });
    return {
      prepare: (...prepared) => issuer.prepare(...prepared),
      sign: async (prepared) => {
        await this.#pass('before sign');
        const certificate = await issuer.sign(prepared);
        await this.#pass('after sign');
        return certificate;
      },
    };
  }
}
