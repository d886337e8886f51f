import type { AuditRecord } from '#core/audit-record.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { JoinVerdict } from '#protocol/inventory.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import type { StoreReader } from '#services/store/store.ts';

const PAGE = 100;
/** Records of one node that are looked through for its newest join. */
const LOOKED_THROUGH_MAX = 2_000;

/** What the newest join of a node came to. Undefined where none is among its newest records, or under another node of that name. */
export async function newestJoinVerdict(
  store: Pick<StoreReader, 'readAuditOfNode'>,
  node: NodeRecord,
): Promise<JoinVerdict | undefined> {
  let before: number | undefined;
  for (let looked = 0; looked < LOOKED_THROUGH_MAX; looked += PAGE) {
    const records = await store.readAuditOfNode(node.name, PAGE, before);
    for (const record of records) {
      const verdict = verdictOf(record, node);
      if (verdict !== undefined) return verdict;
    }
    before = records.at(-1)?.sequence;
    if (records.length < PAGE) return undefined;
  }
  return undefined;
}

function verdictOf(record: AuditRecord, node: NodeRecord): JoinVerdict | undefined {
  const at = record.at.toISOString();
  const request = record.requestId === undefined ? {} : { requestId: record.requestId };
  if (isRecordOf(record, 'certificate.issued') && record.facts.nodeId === node.id) {
    const { policyVersion, referenceValues, advisories } = record.facts;
    const matched = referenceValues === undefined ? {} : { referenceValues };
    return { ...request, at, outcome: 'issued', policyVersion, ...matched, denials: [], advisories: [...advisories] };
  }
  if (isRecordOf(record, 'join.refused') && record.facts.ekFingerprint === node.ekFingerprint) {
    const { problem, reason, denials, advisories, policyVersion } = record.facts;
    const version = policyVersion === undefined ? {} : { policyVersion };
    const why = reason === undefined ? {} : { reason };
    return {
      ...request,
      at,
      outcome: 'refused',
      ...version,
      problem,
      ...why,
      denials: denials.map(defined),
      advisories: [...advisories],
    };
  }
  return undefined;
}

/** A failed check without the members that say nothing. */
function defined<T extends object>(facts: T): T {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as T;
}
