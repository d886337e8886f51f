import { z } from 'zod';

import { AuditChainVerifier } from '#core/audit-chain.ts';
import type { AuditHead } from '#core/audit-record.ts';

import { auditRecordFromRow } from '../rows.ts';
import type { RowBatch } from './rows.ts';

const recordSchema = z.object({
  sequence: z.int(),
  previous_hash: z.string(),
  hash: z.string(),
  type: z.string(),
  at: z.string(),
  actor: z.string(),
  address: z.string().nullable(),
  request_id: z.string().nullable(),
  node_name: z.string().nullable(),
  facts: z.string(),
});
const headSchema = z.object({ sequence: z.int(), hash: z.string() });

/** Looks on while a store's rows go by, and says whether their audit log is whole. */
export class AuditWatch {
  readonly #verifier = new AuditChainVerifier();
  #head: AuditHead | undefined;

  /** Takes the next rows, of whatever table. Throws ZodError on audit records that are none. */
  see({ table, rows }: RowBatch): void {
    if (table === 'audit_records') {
      for (const row of rows) this.#verifier.add(auditRecordFromRow(recordSchema.parse(row)));
    }
    if (table === 'audit_head') this.#head = rows.map((row) => headSchema.parse(row)).at(0);
  }

  /** The log's head. Throws where a record was altered, dropped or reordered, or where the head tells of another last record. */
  finish(): AuditHead {
    const verdict = this.#verifier.finish();
    if (!verdict.ok) {
      const [first] = verdict.faults;
      throw new Error(`the audit log does not hold: record ${first?.sequence} is ${first?.fault}`);
    }
    const { head } = verdict;
    if (this.#head?.sequence !== head.sequence || this.#head.hash !== head.hash) {
      throw new Error('the audit log does not hold: its head tells of another last record');
    }
    return head;
  }
}
