import type { AuditRecord } from '#core/audit-record.ts';
import { isNodeName } from '#core/ids.ts';
import { type RecordedJoin, recordedEvidenceSchema } from '#protocol/joins.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import type { EvidenceFacts } from '#services/audit/evidence-facts.ts';
import type { StoreReader } from '#services/store/store.ts';

import { renderDenial } from './render.ts';

type JoinReader = Pick<StoreReader, 'readAuditOfType' | 'findNodeByName'>;

/** The last `limit` joins that were issued or refused, newest first. Challenges that were refused are not among them. */
export async function lastJoins(store: JoinReader, limit: number): Promise<readonly RecordedJoin[]> {
  const issued = await store.readAuditOfType('certificate.issued', { limit });
  const refused = await store.readAuditOfType('join.refused', { limit });
  const newest = [...issued, ...refused].toSorted((a, b) => b.sequence - a.sequence).slice(0, limit);
  const joins: RecordedJoin[] = [];
  for (const record of newest) {
    const join = await recordedJoin(store, record);
    if (join !== undefined) joins.push(join);
  }
  return joins;
}

/** The join that `record` ends, or undefined where it ends none. */
export async function recordedJoin(store: JoinReader, record: AuditRecord): Promise<RecordedJoin | undefined> {
  const common = { requestId: record.requestId ?? '', at: record.at.toISOString(), ...withAddress(record) };
  if (isRecordOf(record, 'certificate.issued')) {
    const { pool, policyVersion, referenceValues, evidence } = record.facts;
    const node = record.nodeName === undefined ? {} : { nodeName: record.nodeName };
    const judged = { pool, policyVersion, referenceValues, denials: [], ...renderEvidence(evidence) };
    return { ...common, ...node, outcome: 'issued', ...judged };
  }
  if (!isRecordOf(record, 'join.refused')) return undefined;
  const { nodeName } = record;
  const { policyVersion, evidence, denials } = record.facts;
  const node = nodeName !== undefined && isNodeName(nodeName) ? await store.findNodeByName(nodeName) : undefined;
  return {
    ...common,
    outcome: 'refused',
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(node === undefined ? {} : { pool: node.pool }),
    ...(policyVersion === undefined ? {} : { policyVersion }),
    denials: denials.map(renderDenial),
    ...(evidence === undefined ? {} : renderEvidence(evidence)),
  };
}

const withAddress = ({ address }: AuditRecord) => (address === undefined ? {} : { address });

/** A TPM's evidence, with the members that the wire has and no others. Signed measurements are not judged again: a key may sign anything. */
const renderEvidence = (evidence: EvidenceFacts): Pick<RecordedJoin, 'evidence'> =>
  evidence.kind === 'tpm2-quote' ? { evidence: recordedEvidenceSchema.parse(evidence) } : {};
