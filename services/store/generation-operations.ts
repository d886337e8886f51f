import { generationStanding } from '#core/generation.ts';

import { nodeFromRow } from './rows.ts';
import type { StoreOperations } from './store-operations.ts';
import type { StoreParts } from './store-parts.ts';

/** Which certificates the holder of a measurement key was given. */
export function generationOperations({ transact, queries }: StoreParts): Pick<StoreOperations, 'showGeneration'> {
  const { nodes, generations } = queries;
  return {
    showGeneration: (nodeId, shown) =>
      transact(async (tx) => {
        const [row] = (await nodes.find(tx, { id: nodeId })).rows;
        const key = row === undefined ? undefined : nodeFromRow(row).measurementKey;
        if (key === undefined) return undefined;
        const standing = generationStanding(key.generations, shown);
        if (standing === 'newest' && !key.generations.newestUsed) await generations.use(tx, { id: nodeId, shown });
        return standing;
      }),
  };
}
