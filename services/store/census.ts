import { type Kysely, sql } from 'kysely';

import type { Connectivity, NodeState } from '#core/node-record.ts';

import { type ParameterOf, prepareQuery } from './prepared-query.ts';
import type { Schema } from './schema.ts';
import type { StoreParts } from './store-parts.ts';

/** How many there are of what, at one moment. Retired nodes are not counted. */
export interface Census {
  readonly nodes: readonly { readonly state: NodeState; readonly connectivity: Connectivity; readonly count: number }[];
  /**
   * Certificates that were issued, are not revoked and have not expired, by the time that is left: those up to the first horizon, those from
   * there up to the second, and so on, and last those beyond every horizon.
   */
  readonly certificates: readonly number[];
  readonly candidatesWaiting: number;
  /** Of the newest audit record. */
  readonly auditSequence: number;
}

export interface CensusReader {
  /** Counts at `at`. `horizonsMs` are times to expiry, ascending. */
  takeCensus(at: Date, horizonsMs: readonly number[]): Promise<Census>;
}

const count = sql<number | string>`count(*)`.as('count');

export function censusOperations({ builder, reader, queries }: StoreParts): CensusReader {
  const { nodes, certificatesUntil, candidates } = censusQueries(builder);
  return {
    takeCensus: async (at, horizonsMs) => {
      const from = at.toISOString();
      const expiries = [...horizonsMs.map((ms) => new Date(at.getTime() + ms).toISOString()), LATEST];
      const within: number[] = [];
      for (const until of expiries) within.push(countOf((await certificatesUntil(reader, { from, until })).rows));
      const [head] = (await queries.audit.head(reader, {})).rows;
      return {
        nodes: (await nodes(reader, {})).rows.map(({ state, connectivity, count: counted }) => ({
          state,
          connectivity: connectivity ?? 'never-seen',
          count: Number(counted),
        })),
        certificates: within.map((total, index) => total - (within[index - 1] ?? 0)),
        candidatesWaiting: countOf((await candidates(reader, { from })).rows),
        auditSequence: head?.sequence ?? 0,
      };
    },
  };
}

/** Sorts after every time that a certificate can end at. */
const LATEST = '9999-12-31T23:59:59.999Z';

/** A driver may give a count as text: PostgreSQL's is 64 bits wide. */
const countOf = (rows: readonly { readonly count: number | string }[]): number => Number(rows[0]?.count ?? 0);

function censusQueries(db: Kysely<Schema>) {
  return {
    nodes: prepareQuery((_p: ParameterOf<Record<never, never>>) =>
      db
        .selectFrom('nodes')
        .select(['state', 'connectivity', count])
        .where('retired_at', 'is', null)
        .groupBy(['state', 'connectivity'])
        .orderBy('state')
        .orderBy('connectivity'),
    ),
    certificatesUntil: prepareQuery((p: ParameterOf<{ from: string; until: string }>) =>
      db
        .selectFrom('certificates')
        .select(count)
        .where('not_after', '>', p('from'))
        .where('not_after', '<=', p('until'))
        .where('state', '=', 'issued'),
    ),
    candidates: prepareQuery((p: ParameterOf<{ from: string }>) =>
      db.selectFrom('candidates').select(count).where('state', '=', 'waiting').where('expires_at', '>', p('from')),
    ),
  };
}
