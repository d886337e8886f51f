import type { StoreOperations } from '../store-operations.ts';
import { callerError } from './caller-error.ts';
import { compactArguments } from './compact-arguments.ts';
import type { WorkerLink } from './worker-link.ts';

/** Each reads one row, or few, by a key: a page or two of the file. */
const READ_HERE: ReadonlySet<string> = new Set<keyof StoreOperations>([
  'findNode',
  'findNodeByEk',
  'findNodeByName',
  'findCertificate',
  'findNodesByAk',
  'findNodesByCertifiedKey',
  'findCertificateByFingerprint',
  'findRevocation',
  'newestRevocationChange',
  'crlListNumber',
]);

/**
 * Every operation that `here` has: the reads of single rows done by it, on the calling thread, and all others by the worker behind `link`.
 * They reject with a DependencyError once the worker cannot be relied on; damage that a read meets makes it so.
 */
export function forwardOperations(here: StoreOperations, link: WorkerLink): StoreOperations {
  const forwarding = new Proxy(here, {
    get(operations, name: keyof StoreOperations) {
      if (!READ_HERE.has(name)) {
        return (...args: Parameters<StoreOperations[typeof name]>) => link.call(name, ...compactArguments(args));
      }
      const read: (...args: readonly never[]) => Promise<unknown> = operations[name];
      return (...args: readonly never[]) => readWhileUsable(link, () => read(...args));
    },
  });
  return { ...forwarding };
}

/** `read`'s outcome while the store is of use; damage that it meets is the end of that. */
async function readWhileUsable<T>(link: WorkerLink, read: () => Promise<T>): Promise<T> {
  link.assertUsable();
  try {
    return await read();
  } catch (thrown) {
    const { error, fatal } = callerError(thrown);
    if (fatal !== undefined) link.fail(fatal);
    throw error;
  }
}
