import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { AuditWatch } from '#services/store/transfer/audit-watch.ts';
import type { RowBatch, RowSink } from '#services/store/transfer/rows.ts';

import { assertFirstLine, parseLine, type SavedFile } from './backup-lines.ts';
import { type BackupManifest, backupManifestSchema, isSignedBy } from './backup-manifest.ts';
import { manifestFileOf } from './make-backup.ts';
import { measureFile, openLines, type Opening } from './sealed-file.ts';

export interface RestorePlan {
  readonly file: string;
  readonly opening: Opening;
  /** Whom we take backups from: Ed25519. */
  readonly signedBy: KeyObject;
  /** An empty store. Undefined: the backup is only verified. */
  readonly sink: Pick<RowSink, 'write' | 'commit'> | undefined;
  readonly progress?: (batch: RowBatch) => void;
}

export interface Restored {
  readonly manifest: BackupManifest;
  readonly files: readonly SavedFile[];
}

/**
 * Establishes, in this order, that the manifest is signed by `signedBy`, that the file is the one it tells of, that the file opens to its
 * last byte, that it has the rows that the manifest counts, and that its audit log is whole up to the manifest's head; and writes the rows to
 * the sink on the way. Only then the sink is committed: a backup that fails in any of it leaves nothing behind. Files come back as bytes, for
 * the caller to place. Rejects with what was wrong.
 */
export async function restoreBackup(plan: RestorePlan): Promise<Restored> {
  const manifest = await readManifest(plan);
  const rows = new Map<string, number>();
  const files: SavedFile[] = [];
  const watch = new AuditWatch();
  let lines = 0;
  for await (const text of openLines(plan.file, plan.opening)) {
    lines += 1;
    if (lines === 1) {
      assertFirstLine(text);
      continue;
    }
    const line = parseLine(text);
    if (line.kind === 'file') {
      files.push({ file: line.file, content: line.content });
      continue;
    }
    watch.see(line);
    rows.set(line.table, (rows.get(line.table) ?? 0) + line.rows.length);
    await plan.sink?.write(line);
    plan.progress?.(line);
  }
  if (lines === 0) throw new Error(`${plan.file} is empty`);
  assertCounts(manifest, rows);
  const head = watch.finish();
  if (head.sequence !== manifest.auditHead.sequence || head.hash !== manifest.auditHead.hash) {
    throw new Error('the audit log ends elsewhere than the manifest says');
  }
  await plan.sink?.commit();
  return { manifest, files };
}

async function readManifest({ file, signedBy }: RestorePlan): Promise<BackupManifest> {
  const manifestFile = manifestFileOf(file);
  const manifest = backupManifestSchema.parse(JSON.parse(await readFile(manifestFile, 'utf8')));
  if (!isSignedBy(manifest, signedBy)) throw new Error(`${manifestFile} is not signed by the key that was given`);
  const { sha256, bytes } = await measureFile(file);
  if (sha256 !== manifest.sha256 || bytes !== manifest.bytes) {
    throw new Error(`${file} is not the file that its manifest tells of`);
  }
  return manifest;
}

function assertCounts({ rows: counted }: BackupManifest, rows: ReadonlyMap<string, number>): void {
  for (const table of new Set([...Object.keys(counted), ...rows.keys()])) {
    const [wanted, found] = [counted[table] ?? 0, rows.get(table) ?? 0];
    if (wanted !== found) throw new Error(`the backup has ${found} rows of ${table}; its manifest says ${wanted}`);
  }
}
