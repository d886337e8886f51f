import type { SpkiFingerprint } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';

import { nodeFromRow } from './rows.ts';
import type { StoreParts } from './store-parts.ts';

/** Who holds a key, from what was issued and what was seen. */
export interface KeyHolders {
  /** Nodes, retired ones too, that a certificate was ever signed for over this key; at most ten. */
  findNodesByCertifiedKey(key: SpkiFingerprint): Promise<readonly NodeRecord[]>;
  /** Nodes, not retired, whose last accepted join was quoted by the AK of this name; at most ten. */
  findNodesByAk(akName: string): Promise<readonly NodeRecord[]>;
}

export function keyHolderOperations({ reader, queries: { nodes, certificates } }: StoreParts): KeyHolders {
  return {
    async findNodesByCertifiedKey(spkiFingerprint) {
      const holders = await certificates.holdersOfKey(reader, { spkiFingerprint });
      const found = [];
      for (const { node_id: id } of holders.rows) found.push(...(await nodes.find(reader, { id })).rows);
      return found.map(nodeFromRow);
    },

    async findNodesByAk(akName) {
      const { rows } = await nodes.findByAk(reader, { akName });
      return rows.map(nodeFromRow);
    },
  };
}
