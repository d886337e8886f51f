import type { Kysely } from 'kysely';

import { auditExportOperations } from './audit-exports.ts';
import { auditOperations } from './audit-operations.ts';
import { candidateOperations } from './candidate-operations.ts';
import { censusOperations } from './census.ts';
import { certificateOperations } from './certificate-operations.ts';
import { crlListOperations } from './crl-lists.ts';
import { generationOperations } from './generation-operations.ts';
import { joinTokenOperations } from './join-tokens.ts';
import { nodeLifeOperations } from './node-life-operations.ts';
import { keyHolderOperations } from './key-holders.ts';
import { contactOperations } from './contact-operations.ts';
import { nodeOperations } from './node-operations.ts';
import type { Executor } from './prepared-query.ts';
import { revocationOperations } from './revocation-operations.ts';
import type { Schema } from './schema.ts';
import type { StoreOperations } from './store-operations.ts';
import { stepUpOperations } from './step-ups.ts';
import { storeParts, type Transact } from './store-parts.ts';
import { termOperations } from './terms.ts';
import { ticketOperations } from './ticket-operations.ts';

/**
 * The store's operations in the query builder's words: every statement is one that SQLite and PostgreSQL both take. A new concern is a file
 * of its own, and a line here.
 */
export function kyselyOperations(builder: Kysely<Schema>, reader: Executor, transact: Transact): StoreOperations {
  const parts = storeParts(builder, reader, transact);
  return {
    ...nodeOperations(parts),
    ...contactOperations(parts),
    ...nodeLifeOperations(parts),
    ...candidateOperations(parts),
    ...certificateOperations(parts),
    ...keyHolderOperations(parts),
    ...revocationOperations(parts),
    ...ticketOperations(parts),
    ...auditOperations(parts),
    ...auditExportOperations(parts),
    ...generationOperations(parts),
    ...joinTokenOperations(parts),
    ...censusOperations(parts),
    ...stepUpOperations(parts),
    ...termOperations(parts),
    ...crlListOperations(parts),
  };
}
