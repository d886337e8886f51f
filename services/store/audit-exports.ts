import type { Kysely } from 'kysely';

import type { AuditHead } from '#core/audit-record.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Schema } from './schema.ts';
import type { StoreParts } from './store-parts.ts';

/** How far the audit log was delivered to one destination: the last record that is known to have arrived. */
export interface ExportCursor extends AuditHead {
  readonly destination: string;
  readonly movedAt: Date;
}

/** Where exporters of the audit log keep their place. */
export interface AuditExportStore {
  /** Undefined: nothing was delivered there yet. */
  findExportCursor(destination: string): Promise<ExportCursor | undefined>;
  /**
   * Moves the destination's cursor from `from`, 0 for one that has none, to `to`. False, and nothing is changed, where it stands elsewhere:
   * another exporter moved it meanwhile. Throws RangeError unless `to` is behind `from` in the log.
   */
  moveExportCursor(destination: string, from: number, to: AuditHead, at: Date): Promise<boolean>;
}

/** One row for each destination that something was delivered to. */
export interface AuditExportCursorsTable {
  destination: string;
  sequence: number;
  hash: string;
  moved_at: string;
}

export function auditExportOperations({ builder, reader, transact }: StoreParts): AuditExportStore {
  const cursors = exportQueries(builder);
  return {
    async findExportCursor(destination) {
      const [row] = (await cursors.find(reader, { destination })).rows;
      if (row === undefined) return undefined;
      return { destination, sequence: row.sequence, hash: row.hash, movedAt: new Date(row.moved_at) };
    },

    async moveExportCursor(destination, from, { sequence, hash }, at) {
      if (sequence <= from) throw new RangeError('a cursor moves forwards');
      const place = { destination, sequence, hash, moved_at: at.toISOString() };
      return transact(async (tx) => {
        const moved = from === 0 ? await cursors.begin(tx, place) : await cursors.move(tx, { ...place, from });
        return moved.affected === 1;
      });
    },
  };
}

function exportQueries(db: Kysely<Schema>) {
  return {
    find: prepareQuery((p: ParameterOf<{ destination: string }>) =>
      db
        .selectFrom('audit_export_cursors')
        .select(['sequence', 'hash', 'moved_at'])
        .where('destination', '=', p('destination')),
    ),
    /** One row affected for the first exporter; none for every other. */
    begin: prepareQuery((p: ParameterOf<Pick<AuditExportCursorsTable, keyof AuditExportCursorsTable>>) =>
      db
        .insertInto('audit_export_cursors')
        .values({
          destination: p('destination'),
          sequence: p('sequence'),
          hash: p('hash'),
          moved_at: p('moved_at'),
        })
        .onConflict((conflict) => conflict.column('destination').doNothing()),
    ),
    /** One row affected where the cursor still stands at `from`. */
    move: prepareQuery(
      (p: ParameterOf<Pick<AuditExportCursorsTable, keyof AuditExportCursorsTable> & { from: number }>) =>
        db
          .updateTable('audit_export_cursors')
          .set({ sequence: p('sequence'), hash: p('hash'), moved_at: p('moved_at') })
          .where('destination', '=', p('destination'))
          .where('sequence', '=', p('from')),
    ),
  };
}
