import type { AuditRecord } from '#core/audit-record.ts';
import { isSerial, type RequestId, type Serial } from '#core/ids.ts';
import { unreachable } from '#core/never.ts';
import type { JoinDetail } from '#protocol/inventory.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import type { AdvisoryFacts, DenialFacts, EvidenceFacts } from '#services/audit/evidence-facts.ts';
import type { CertificateRecord } from '#services/store/store.ts';

import { renderAuditRecord, renderCertificate, renderDenial } from './render.ts';

/** What the records of one request say happened, before any of it is put on the wire. */
interface Story {
  readonly outcome: JoinDetail['outcome'];
  readonly problem?: string | undefined;
  readonly reason?: string | undefined;
  readonly denials?: readonly DenialFacts[];
  readonly advisories?: readonly AdvisoryFacts[];
  readonly evidence?: EvidenceFacts | undefined;
  readonly serial?: string | undefined;
  readonly nodeName?: string | undefined;
}

/**
 * One request of the join protocol as its audit records, oldest first, tell it: what came of it, and every check that failed with what
 * was expected and found. Undefined where none of the records is about a join.
 */
export async function describeJoin(
  requestId: RequestId,
  records: readonly AuditRecord[],
  findCertificate: (serial: Serial) => Promise<CertificateRecord | undefined>,
): Promise<JoinDetail | undefined> {
  // The last one that tells of a join decides: an issue follows its signing.
  const story = records.map(tell).findLast((told) => told !== undefined);
  if (story === undefined) return undefined;
  const { outcome, problem, reason, denials = [], advisories = [], evidence, serial, nodeName } = story;
  const certificate = serial !== undefined && isSerial(serial) ? await findCertificate(serial) : undefined;
  const name = nodeName ?? records.find((record) => record.nodeName !== undefined)?.nodeName;
  const address = records.find((record) => record.address !== undefined)?.address;
  return {
    requestId,
    outcome,
    ...(name === undefined ? {} : { nodeName: name }),
    ...(address === undefined ? {} : { address }),
    ...(problem === undefined ? {} : { problem }),
    ...(reason === undefined ? {} : { reason }),
    denials: denials.map(renderDenial),
    advisories: advisories.map(({ code, detail }) => ({ code, detail })),
    ...(evidence === undefined ? {} : shown(evidence)),
    ...(certificate === undefined ? {} : { certificate: renderCertificate(certificate) }),
    records: records.map(renderAuditRecord),
  };
}

/** What the machine proved or signed. */
function shown(evidence: EvidenceFacts): Pick<JoinDetail, 'pcrs' | 'measurements'> {
  switch (evidence.kind) {
    case 'tpm2-quote':
      return { pcrs: { bank: evidence.bank, values: { ...evidence.pcrs } } };
    case 'signed-measurements':
      return { measurements: { ...evidence.measurements } };
    default:
      return unreachable(evidence);
  }
}

function tell(record: AuditRecord): Story | undefined {
  if (isRecordOf(record, 'certificate.issued')) return { outcome: 'issued', ...record.facts };
  if (isRecordOf(record, 'join.repeated')) return { outcome: 'issued', ...record.facts };
  if (isRecordOf(record, 'certificate.signing')) return { outcome: 'unfinished', ...record.facts };
  if (isRecordOf(record, 'join.refused') || isRecordOf(record, 'challenge.refused')) {
    return { outcome: 'refused', nodeName: record.nodeName ?? record.facts.claimedNodeName, ...record.facts };
  }
  return undefined;
}
