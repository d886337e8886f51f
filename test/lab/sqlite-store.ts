import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A new directory that only we may enter, and a store's path in it. */
export function labStorePath(): { readonly path: string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'muster-store-'));
  return { path: join(directory, 'muster.db'), remove: () => rmSync(directory, { recursive: true }) };
}

/** Runs SQL in a store's file, past everything that guards it. */
export function tamper(path: string, sql: string, ...values: (string | number | null)[]): void {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.prepare(sql).run(...values);
  } finally {
    database.close();
  }
}
