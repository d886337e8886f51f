import type { NodeRecord } from '#core/node-record.ts';

import { appendAudit } from './append-audit.ts';
import { candidateQueries } from './candidate-queries.ts';
import { findEnrolmentConflicts } from './enrolment-conflicts.ts';
import { newNodeRecord } from './new-node-record.ts';
import type { NodeQueries } from './node-queries.ts';
import { pageLimit } from './page-limit.ts';
import type { Executor } from './prepared-query.ts';
import { nodeFromRow } from './rows.ts';
import type { StoreOperations } from './store-operations.ts';
import type { StoreParts } from './store-parts.ts';
import type { Enrolment } from './store.ts';

type NodeOperations = Pick<
  StoreOperations,
  'findNode' | 'findNodeByEk' | 'findNodeByName' | 'listNodes' | 'enrolNodes'
>;

/** Nodes as they were enrolled. */
export function nodeOperations({ builder, reader, transact, queries: { nodes, audit } }: StoreParts): NodeOperations {
  const candidates = candidateQueries(builder);
  return {
    async findNode(id) {
      const { rows } = await nodes.find(reader, { id });
      return rows.map(nodeFromRow).at(0);
    },

    async findNodeByEk(ek) {
      const { rows } = await nodes.findByEk(reader, { ek });
      return rows.map(nodeFromRow).at(0);
    },

    async findNodeByName(name) {
      const { rows } = await nodes.findByName(reader, { name });
      return rows.map(nodeFromRow).at(0);
    },

    async listNodes(filter, { after, limit }) {
      const { rows } = await reader.executeQuery(nodes.list(filter, after, pageLimit(limit)));
      return rows.map(nodeFromRow);
    },

    enrolNodes: (enrolments, by, at, events) =>
      transact(async (tx) => {
        const conflicts = await findEnrolmentConflicts(enrolments, {
          hasName: async (name) => (await nodes.findByName(tx, { name })).rows.length > 0,
          hasEk: async (ek) => (await nodes.findByEk(tx, { ek })).rows.length > 0,
        });
        if (conflicts.length > 0) return { ok: false, conflicts };
        const enrolled: NodeRecord[] = [];
        for (const enrolment of enrolments) {
          await insertNode(tx, nodes, enrolment, by, at);
          await candidates.removeOfEk(tx, { ek: enrolment.ekFingerprint });
          enrolled.push(newNodeRecord(enrolment, by, at));
        }
        for (const event of events) await appendAudit(tx, audit, event);
        return { ok: true, nodes: enrolled };
      }),
  };
}

/** Adds the node, of whose name and EK the caller has established in `tx` that they are free. */
export async function insertNode(
  tx: Executor,
  nodes: NodeQueries,
  { id, name, pool, ekFingerprint, ekCertificate, measurementSpki }: Enrolment,
  by: string,
  at: Date,
): Promise<void> {
  await nodes.enrol(tx, {
    id,
    name,
    pool,
    ek_fingerprint: ekFingerprint,
    ek_certificate: ekCertificate ?? null,
    measurement_key: measurementSpki ?? null,
    enrolled_at: at.toISOString(),
    enrolled_by: by,
  });
}
