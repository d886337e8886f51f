import type { KeyObject } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { NodeName } from '#core/ids.ts';

import type { SnapshotChange, SnapshotNode } from './snapshot.ts';
import type { SnapshotSource } from './snapshot-source.ts';
import { signStatement } from './signed-statement.ts';

export interface SnapshotFeedDeps {
  readonly source: SnapshotSource;
  readonly key: KeyObject;
  /** Names of nodes that Muster does not manage. */
  readonly unmanaged: readonly string[];
  readonly now: Clock;
  /** Resolves after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Between two looks for a change while somebody waits for one: part of the second from a revocation to the first refusal. */
const LOOK_EVERY_MS = 200;

/** Signed statements of what the source knows. Keeps nothing: any replica can answer, and a restart loses nothing. */
export interface SnapshotFeed {
  /** The whole snapshot. */
  whole(): Promise<Bytes>;
  /**
   * What changed after `after`: at once where something did, else when something does, or after `waitMs` a statement that nothing did. The
   * whole snapshot where `after` is too long ago or is not a change of this service.
   */
  after(after: number, waitMs: number): Promise<Bytes>;
}

/** A feed over these capabilities. */
export function snapshotFeed({ source, key, unmanaged, now, pause }: SnapshotFeedDeps): SnapshotFeed {
  const signed = (stated: Omit<SnapshotChange, 'issuedAt' | 'unmanaged'>, asOf: Date): Bytes =>
    signStatement({ ...stated, unmanaged, issuedAt: asOf }, key);

  // The number and the time are taken before anything is read: what is read may be newer, and is then told again.
  const whole = async (): Promise<Bytes> => {
    const asOf = now();
    const change = await source.currentChange();
    const nodes: SnapshotNode[] = [];
    for await (const node of source.nodes()) nodes.push(node);
    return signed({ change, base: undefined, nodes, gone: [] }, asOf);
  };
  return {
    whole,
    after: async (after, waitMs) => {
      for (let waitedMs = 0; waitedMs < waitMs && (await source.currentChange()) === after; waitedMs += LOOK_EVERY_MS) {
        await pause(LOOK_EVERY_MS);
      }
      const asOf = now();
      const changes = await source.changesAfter(after);
      if (changes === undefined) return whole();
      return signed({ change: changes.change, base: after, ...(await readNodes(source, changes.names)) }, asOf);
    },
  };
}

async function readNodes(
  source: SnapshotSource,
  names: ReadonlySet<NodeName>,
): Promise<Pick<SnapshotChange, 'nodes' | 'gone'>> {
  const nodes: SnapshotNode[] = [];
  const gone: NodeName[] = [];
  for (const name of names) {
    const node = await source.node(name);
    if (node === undefined) gone.push(name);
    else nodes.push(node);
  }
  return { nodes, gone };
}
