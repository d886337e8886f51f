import type { Serial } from '#core/ids.ts';

import { appendAudit } from './append-audit.ts';
import { pageLimit } from './page-limit.ts';
import { revocationQueries } from './revocation-queries.ts';
import type { RevocationsTable } from './revocation-schema.ts';
import type { RefusedRevocation, RevocationReader, RevocationRecord, RevocationWriter } from './revocations.ts';
import { certificateFromRow } from './rows.ts';
import type { StoreParts } from './store-parts.ts';

/** The revocation list: what stands on it, and the series of lists that were published. */
export function revocationOperations({
  builder,
  reader,
  transact,
  queries: { audit },
}: StoreParts): RevocationReader & RevocationWriter {
  const revocations = revocationQueries(builder);
  return {
    async findCertificateByFingerprint(fingerprint) {
      const { rows } = await revocations.findByFingerprint(reader, { fingerprint });
      return rows.map(certificateFromRow).at(0);
    },

    async findRevocation(serial) {
      const { rows } = await revocations.find(reader, { serial });
      return rows.map(revocationFromRow).at(0);
    },

    async pageCertificates(filter, { after, limit }) {
      const { rows } = await reader.executeQuery(revocations.page(filter, after, pageLimit(limit)));
      return rows.map(certificateFromRow);
    },

    async newestRevocationChange() {
      const { rows } = await revocations.newestChange(reader, {});
      return rows[0]?.change ?? 0;
    },

    async listRevocations(after, limit) {
      const { change, serial } = after ?? { change: 0, serial: '' };
      const { rows } = await revocations.listAfter(reader, { change, serial, limit: pageLimit(limit) });
      return rows.map(revocationFromRow);
    },

    async publishedCrl(issuer) {
      const [row] = (await revocations.published(reader, { issuer })).rows;
      if (row === undefined || row.published_at === null || row.published_through === null) return undefined;
      return { thisUpdate: new Date(row.published_at), through: row.published_through };
    },

    revokeCertificates: ({ at, reason, certificates }) =>
      transact(async (tx) => {
        const refused: RefusedRevocation[] = [];
        const found: { serial: Serial; notAfter: string }[] = [];
        for (const [index, { serial }] of certificates.entries()) {
          const [row] = (await revocations.standing(tx, { serial })).rows;
          if (row === undefined) refused.push({ index, why: 'unknown' });
          else if (isFinal(row.reason)) refused.push({ index, why: 'revoked' });
          else if (row.not_after < at.toISOString()) refused.push({ index, why: 'expired' });
          else found.push({ serial, notAfter: row.not_after });
        }
        if (refused.length > 0) return { ok: false, refused };
        for (const [index, { serial, notAfter }] of found.entries()) {
          const event = certificates[index]?.event;
          if (event === undefined) throw new Error('as many were found as were named');
          const { sequence: change } = await appendAudit(tx, audit, event);
          await revocations.setState(tx, { serial, state: 'revoked' });
          const row = { serial, not_after: notAfter, reason, revoked_at: at.toISOString(), change };
          const put = await revocations.put(tx, row);
          if (put.affected !== 1) throw new RangeError('a certificate twice');
        }
        return { ok: true };
      }),

    takeCrlNumber: (issuer, at) =>
      transact(async (tx) => {
        const [row] = (await revocations.takeNumber(tx, { issuer, atLeast: at.getTime() })).rows;
        if (row === undefined) throw new Error('a number was not given');
        return row.number;
      }),
  };
}

/** True for a reason that nothing ends. */
export const isFinal = (reason: RevocationRecord['reason'] | null): boolean =>
  reason !== null && reason !== 'certificateHold' && reason !== 'removeFromCRL';

function revocationFromRow(row: RevocationsTable): RevocationRecord {
  const { serial, reason, change } = row;
  return { serial, reason, change, notAfter: new Date(row.not_after), revokedAt: new Date(row.revoked_at) };
}
