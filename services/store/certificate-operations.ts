import { canonicalJson } from '#core/canonical-json.ts';
import type { Serial } from '#core/ids.ts';

import { appendAudit } from './append-audit.ts';
import { pageLimit } from './page-limit.ts';
import { revocationQueries } from './revocation-queries.ts';
import { certificateFromRow } from './rows.ts';
import { StoreConflictError } from './store-conflict-error.ts';
import type { StoreOperations } from './store-operations.ts';
import type { StoreParts } from './store-parts.ts';

type CertificateOperations = Pick<
  StoreOperations,
  'findCertificate' | 'listCertificates' | 'listSigning' | 'reserveSerial' | 'recordIssued' | 'orphanSerials'
>;

/** Certificates, from their intent on. */
export function certificateOperations({ builder, reader, transact, queries }: StoreParts): CertificateOperations {
  const revocations = revocationQueries(builder);
  const { nodes, certificates, tickets, audit, generations } = queries;
  return {
    async findCertificate(serial) {
      const { rows } = await certificates.find(reader, { serial });
      return rows.map(certificateFromRow).at(0);
    },

    async listCertificates(nodeId, limit) {
      const { rows } = await certificates.listOfNode(reader, { nodeId, limit: pageLimit(limit) });
      return rows.map(certificateFromRow);
    },

    async listSigning() {
      const { rows } = await certificates.listSigning(reader, {});
      return rows.map(certificateFromRow);
    },

    reserveSerial: (intent, ticketId, event) =>
      transact(async (tx) => {
        const { serial, nodeId, nodeName, requestId } = intent;
        const spent = await tickets.spendOn(tx, { ticketId, requestId, serial });
        if (spent.affected !== 1) throw new StoreConflictError('ticket-not-held');
        const node = await nodes.findAdmissible(tx, { id: nodeId, name: nodeName });
        if (node.rows.length !== 1) throw new StoreConflictError('node-not-admissible');
        const reserved = await certificates.reserve(tx, {
          serial,
          node_id: nodeId,
          node_name: nodeName,
          request_id: requestId,
          spki_fingerprint: intent.spkiFingerprint,
          tbs_digest: intent.tbsDigest,
          not_before: intent.notBefore.toISOString(),
          not_after: intent.notAfter.toISOString(),
        });
        if (reserved.affected !== 1) throw new StoreConflictError('serial-known');
        await appendAudit(tx, audit, event);
      }),

    recordIssued: (certificate, join, event) =>
      transact(async (tx) => {
        const { serial, fingerprint, der } = certificate;
        const issued = await certificates.recordIssued(tx, { serial, node_id: join.nodeId, fingerprint, der });
        if (issued.affected !== 1) throw new StoreConflictError('serial-not-signing');
        const joined = await nodes.recordJoin(tx, {
          id: join.nodeId,
          last_join_at: join.at.toISOString(),
          last_address: join.address,
          reset_count: join.bootEpoch?.resetCount ?? null,
          restart_count: join.bootEpoch?.restartCount ?? null,
          clock_ms: join.bootEpoch?.clockMs.toString() ?? null,
          ak_name: join.akName ?? null,
          ima_progress: join.imaProgress === undefined ? null : canonicalJson({ ...join.imaProgress }),
          firmware_version: join.firmwareVersion ?? null,
        });
        if (joined.affected !== 1) throw new StoreConflictError('node-not-admissible');
        if (join.generation !== undefined)
          await generations.advance(tx, join.nodeId, fingerprint, join.generation.shown);
        await appendAudit(tx, audit, event);
      }),

    orphanSerials: (orphanings) =>
      transact(async (tx) => {
        const orphaned: Serial[] = [];
        for (const { serial, event } of orphanings) {
          const { affected } = await certificates.orphan(tx, { serial });
          if (affected !== 1) continue;
          const { sequence: change } = await appendAudit(tx, audit, event);
          await revocations.putOrphan(tx, { serial, revoked_at: event.at.toISOString(), change });
          orphaned.push(serial);
        }
        return orphaned;
      }),
  };
}
