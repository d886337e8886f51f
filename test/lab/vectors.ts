import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');
const VECTORS = join(ROOT, 'test', 'vectors');
const SHARED = join(ROOT, '..', 'shared', 'vectors');

/** The bytes of a vector in test/vectors. */
export function vectorBytes(path: string): Uint8Array {
  return readFileSync(join(VECTORS, path));
}

/** A JSON vector in test/vectors; the caller knows its shape. */
export function vectorJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(VECTORS, path), 'utf8'));
}

/** Where a vector too large for the repository is, if it is on this machine; says so loudly if it is not. */
export function sharedVector(path: string): string | undefined {
  const full = join(SHARED, path);
  if (existsSync(full)) return full;
  console.warn(`SKIPPED: ../shared/vectors/${path} is not here`);
  return undefined;
}
