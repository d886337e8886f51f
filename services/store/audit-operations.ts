import { appendAudit } from './append-audit.ts';
import { pageLimit } from './page-limit.ts';
import { auditRecordFromRow } from './rows.ts';
import type { StoreOperations } from './store-operations.ts';
import type { StoreParts } from './store-parts.ts';

type AuditOperations = Pick<
  StoreOperations,
  'appendAudit' | 'auditHead' | 'readAudit' | 'readAuditOfRequest' | 'readAuditOfNode' | 'readAuditOfType'
>;

/** The audit log: read and appended to, never changed. */
export function auditOperations({ reader, transact, queries: { audit } }: StoreParts): AuditOperations {
  return {
    appendAudit: (event) => transact((tx) => appendAudit(tx, audit, event)),

    async auditHead() {
      const [head] = (await audit.head(reader, {})).rows;
      if (head === undefined) throw new Error('the audit log has no head');
      return { sequence: head.sequence, hash: head.hash };
    },

    async readAudit(after, limit) {
      const { rows } = await audit.readAfter(reader, { after, limit: pageLimit(limit) });
      return rows.map(auditRecordFromRow);
    },

    async readAuditOfRequest(requestId) {
      const { rows } = await audit.readOfRequest(reader, { requestId });
      return rows.map(auditRecordFromRow);
    },

    async readAuditOfNode(name, limit, before = Number.MAX_SAFE_INTEGER) {
      const { rows } = await audit.readOfNode(reader, { name, before, limit: pageLimit(limit) });
      return rows.map(auditRecordFromRow);
    },

    async readAuditOfType(type, { before = Number.MAX_SAFE_INTEGER, limit }) {
      const { rows } = await audit.readOfType(reader, { type, before, limit: pageLimit(limit) });
      return rows.map(auditRecordFromRow);
    },
  };
}
