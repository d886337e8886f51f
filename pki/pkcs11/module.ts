import type { PKCS11 } from 'pkcs11js';

export type Pkcs11Library = typeof import('pkcs11js');

/** A loaded module with the constants that go with it. */
export interface LoadedModule {
  readonly pkcs11: PKCS11;
  readonly library: Pkcs11Library;
}

/** One of each path in this process: C_Initialize belongs to the process, not to who calls it. */
const loaded = new Map<string, Promise<LoadedModule>>();

/**
 * The PKCS #11 module at `path`, loaded and initialised once for this process and kept. Rejects, with what to do, where the binding was not
 * built: the default installation does not compile anything.
 */
export function loadModule(path: string): Promise<LoadedModule> {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  const loading = load(path);
  loaded.set(path, loading);
  loading.catch(() => loaded.delete(path));
  return loading;
}

async function load(path: string): Promise<LoadedModule> {
  const library = await importBinding();
  const pkcs11 = new library.PKCS11();
  pkcs11.load(path);
  pkcs11.C_Initialize({ flags: library.CKF_OS_LOCKING_OK });
  return { pkcs11, library };
}

async function importBinding(): Promise<Pkcs11Library> {
  try {
    const imported = await import('pkcs11js');
    // CommonJS: what it exports is the default member.
    return 'default' in imported && isLibrary(imported.default) ? imported.default : imported;
  } catch (cause) {
    throw new Error('the PKCS #11 binding was not built; run scripts/build-pkcs11', { cause });
  }
}

const isLibrary = (value: unknown): value is Pkcs11Library =>
  typeof value === 'object' && value !== null && 'PKCS11' in value;
