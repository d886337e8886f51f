import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';

import type { Bytes } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { Log } from '#services/http/request-log.ts';

import { authorize, type AuthorizerDecision } from '../authorize.ts';
import { Snapshot } from '../snapshot.ts';
import { verifyStatement } from '../signed-statement.ts';
import { StatementFormatError } from '../statement-format-error.ts';
import type { SubjectAccessReview } from '../subject-access-review.ts';
import { FirstUses } from './first-uses.ts';
import { SnapshotFile } from './snapshot-file.ts';

export interface KnowledgeOptions {
  readonly stateDirectory: string;
  /** The public half of the key that the service signs snapshots with. */
  readonly snapshotKey: KeyObject;
  /** Older than this, a snapshot speaks for nobody. */
  readonly maxAgeMs: number;
  readonly allowNodeCsr: boolean;
  readonly now: Clock;
  readonly log: Log;
}

/** Why a statement that somebody sent was not taken. */
export const STATEMENT_REFUSALS = [
  'malformed',
  'signature-wrong',
  'not-whole',
  'older',
  'gap',
  'from-the-future',
] as const;
export type StatementRefusal = (typeof STATEMENT_REFUSALS)[number];

/** The service's clock may be this far ahead of ours. */
const AHEAD_MAX_MS = 600_000;

/** Everything that the authorizer decides by: in memory, and on disk for the next process. */
export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #file: SnapshotFile;
  readonly #uses: FirstUses;
  #snapshot: Snapshot | undefined;
  #isRefused = false;

  private constructor(options: KnowledgeOptions) {
    const { stateDirectory, snapshotKey, log } = options;
    this.#options = options;
    this.#file = new SnapshotFile(join(stateDirectory, 'snapshot'), snapshotKey);
    this.#uses = new FirstUses(join(stateDirectory, 'first-uses'), (error) => {
      log.error({ err: error }, 'first use of a certificate not written down');
    });
  }

  /** What is on disk, verified. A snapshot that does not verify is as good as none: nodes are denied until the service sends one. */
  static async open(options: KnowledgeOptions): Promise<Knowledge> {
    const knowledge = new Knowledge(options);
    await knowledge.#uses.load();
    const loaded = await knowledge.#file.load();
    if (loaded.kind === 'loaded') knowledge.#snapshot = loaded.snapshot;
    if (loaded.kind === 'refused') {
      knowledge.#isRefused = true;
      options.log.error({ reason: loaded.reason }, 'the snapshot on disk is refused: nodes are denied');
    }
    return knowledge;
  }

  /** Undefined: none, so that nodes are denied. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** True while all there is, is a file that does not verify. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The change to ask the service for what came after; undefined: ask for the whole. */
  get continuesAfter(): number | undefined {
    return this.#file.needsWhole ? undefined : this.#snapshot?.change;
  }

  get ageMs(): number | undefined {
    if (this.#snapshot === undefined) return undefined;
    return this.#options.now().getTime() - this.#snapshot.issuedAt.getTime();
  }

  /** True while nodes are decided on by what the snapshot says of them. */
  get isUsable(): boolean {
    return this.ageMs !== undefined && this.ageMs <= this.#options.maxAgeMs;
  }

  decide(review: SubjectAccessReview): AuthorizerDecision {
    const { now, maxAgeMs, allowNodeCsr } = this.#options;
    const isUsed = this.#uses.has.bind(this.#uses);
    const decision = authorize({ snapshot: this.#snapshot, now: now(), maxAgeMs, allowNodeCsr, isUsed }, review);
    if (decision.kind === 'no-opinion' && decision.used !== undefined) this.#uses.add(decision.used);
    return decision;
  }

  /**
   * Takes what the service sent, if it is the service's and continues what is known. It counts from the moment it was verified; on
   * resolution it is on disk too. Rejects when it could not be written: it counts all the same.
   */
  async take(statement: Bytes): Promise<StatementRefusal | undefined> {
    const { snapshotKey, now } = this.#options;
    try {
      const verified = verifyStatement(statement, 0, snapshotKey);
      if (!verified.ok) return verified.denial;
      if (verified.end !== statement.byteLength) return 'malformed';
      const { stated } = verified;
      if (stated.issuedAt.getTime() > now().getTime() + AHEAD_MAX_MS) return 'from-the-future';
      const after = Snapshot.apply(this.#snapshot, stated);
      if (typeof after === 'string') return after;
      this.#snapshot = after;
      this.#isRefused = false;
      const isWhole = stated.base === undefined;
      if (isWhole) this.#uses.keepOnly(after);
      await this.#file.save(statement, isWhole);
      return undefined;
    } catch (error) {
      if (error instanceof StatementFormatError) return 'malformed';
      throw error;
    }
  }

  /** Resolves when all that was seen is on disk. */
  settled(): Promise<void> {
    return this.#uses.settled();
  }
}
