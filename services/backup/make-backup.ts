import type { KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { AuditWatch } from '#services/store/transfer/audit-watch.ts';
import type { RowBatch, RowSource } from '#services/store/transfer/rows.ts';

import { FIRST_LINE, renderLine, type SavedFile } from './backup-lines.ts';
import { type BackupManifest, signManifest } from './backup-manifest.ts';
import { type Sealing, sealLines } from './sealed-file.ts';

export interface BackupPlan {
  readonly source: Pick<RowSource, 'batches'>;
  /** Files of the configuration's directory that go along: its secrets, where they were asked for. */
  readonly files: readonly SavedFile[];
  /** The file to make; its manifest is made beside it, with `.manifest.json` at its end. */
  readonly out: string;
  readonly sealing: Sealing;
  /** Ed25519. */
  readonly signingKey: KeyObject;
  readonly now: Date;
  readonly version: string;
  readonly progress?: (batch: RowBatch) => void;
}

export const manifestFileOf = (backupFile: string): string => `${backupFile}.manifest.json`;

/**
 * A backup of everything that the store holds at one moment, encrypted, with a signed manifest beside it. On resolution both files are
 * there, and the audit log in them is whole. Rejects where a file of either name is there already.
 */
export async function makeBackup(plan: BackupPlan): Promise<BackupManifest> {
  const watch = new AuditWatch();
  const rows: Record<string, number> = {};
  const lines = async function* (): AsyncIterable<string> {
    yield FIRST_LINE;
    for await (const batch of plan.source.batches()) {
      watch.see(batch);
      rows[batch.table] = (rows[batch.table] ?? 0) + batch.rows.length;
      plan.progress?.(batch);
      yield renderLine({ kind: 'rows', ...batch });
    }
    for (const file of plan.files) yield renderLine({ kind: 'file', ...file });
  };
  const sealed = await sealLines(plan.out, lines(), plan.sealing);
  const { sequence, hash } = watch.finish();
  const manifest = signManifest(
    {
      apiVersion: 'muster/v1',
      kind: 'BackupManifest',
      createdAt: plan.now.toISOString(),
      version: plan.version,
      ...sealed,
      rows,
      auditHead: { sequence, hash },
      includesSecrets: plan.files.length > 0,
    },
    plan.signingKey,
  );
  await writeFile(manifestFileOf(plan.out), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx', flush: true });
  return manifest;
}
