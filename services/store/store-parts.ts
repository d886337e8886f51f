import type { Kysely } from 'kysely';

import { type AuditQueries, auditQueries } from './audit-queries.ts';
import { type CertificateQueries, certificateQueries } from './certificate-queries.ts';
import { type NodeQueries, nodeQueries } from './node-queries.ts';
import { type GenerationQueries, generationQueries } from './generation-queries.ts';
import type { Executor } from './prepared-query.ts';
import type { Schema } from './schema.ts';
import { type TicketQueries, ticketQueries } from './ticket-queries.ts';

/** Runs `work` in one transaction; durable when the promise resolves, undone when it rejects. */
export type Transact = <T>(work: (tx: Executor) => Promise<T>) => Promise<T>;

/** What each concern's operations are made of. Queries of one concern alone are compiled by it, from `builder`. */
export interface StoreParts {
  /** Compiles. */
  readonly builder: Kysely<Schema>;
  /** Reads what is committed. */
  readonly reader: Executor;
  /** Changes. */
  readonly transact: Transact;
  /** The queries that more than one concern asks. */
  readonly queries: {
    readonly nodes: NodeQueries;
    readonly certificates: CertificateQueries;
    readonly tickets: TicketQueries;
    readonly audit: AuditQueries;
    readonly generations: GenerationQueries;
  };
}

export function storeParts(builder: Kysely<Schema>, reader: Executor, transact: Transact): StoreParts {
  const queries = {
    nodes: nodeQueries(builder),
    certificates: certificateQueries(builder),
    tickets: ticketQueries(builder),
    audit: auditQueries(builder),
    generations: generationQueries(builder),
  };
  return { builder, reader, transact, queries };
}
