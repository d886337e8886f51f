import { StoreConflictError } from '#services/store/store-conflict-error.ts';

/**
 * False when the store refused `write` because the node's standing changed while its join was under way: what was reserved for it is on the
 * revocation list then. Rejects with everything else that `write` rejects with.
 */
export async function stillAdmissible(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof StoreConflictError && OVERTAKEN.has(error.code)) return false;
    throw error;
  }
}

const OVERTAKEN: ReadonlySet<string> = new Set(['node-not-admissible', 'serial-not-signing']);
