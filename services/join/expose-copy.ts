import { type GenerationStanding, generationStanding } from '#core/generation.ts';
import type { CertificateFingerprint, NodeId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { Occasion } from '#services/audit/events.ts';

import { freezeHolders, type FreezeHoldersDeps } from './freeze-holders.ts';

export interface ExposeCopyDeps extends FreezeHoldersDeps {
  readonly showGeneration: (nodeId: NodeId, shown: CertificateFingerprint) => Promise<GenerationStanding | undefined>;
}

/**
 * `node` showed a certificate of its own outside of a join. True where that exposes a second holder of its key; the node is quarantined then, with
 * an alert. Otherwise the newest certificate counts as used from now on, so that an older one is a conflict. Nothing is looked at for a node that
 * has a TPM: its key cannot be copied.
 */
export async function exposeCopy(
  deps: ExposeCopyDeps,
  node: NodeRecord,
  shown: CertificateFingerprint,
  occasion: Occasion,
): Promise<boolean> {
  if (node.measurementKey === undefined) return false;
  const { generations } = node.measurementKey;
  const known = generationStanding(generations, shown);
  // Heartbeats are many: only those that change something are written down.
  if (known === 'answer-lost' || (known === 'newest' && generations.newestUsed)) return false;
  const standing = await deps.showGeneration(node.id, shown);
  if (standing !== 'conflict') return false;
  const detail = 'the key has two holders: a heartbeat came with a certificate that is not the one that was given last';
  const denial = { code: 'generation-conflict', expected: generations.newest ?? 'none', found: shown, detail } as const;
  const claimant = { challenge: { ekFingerprint: node.ekFingerprint }, node };
  await freezeHolders(deps, { denial, holders: [], freezes: [node] }, claimant, occasion);
  return true;
}
