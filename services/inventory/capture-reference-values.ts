import type { AuditEvent, AuditRecord } from '#core/audit-record.ts';
import { isNodeName, isRequestId, type NodeName, type RequestId } from '#core/ids.ts';
import { pcrBank } from '#protocol/challenge.ts';
import type { ReferenceValuesDocument } from '#protocol/policy.ts';
import { isRecordOf } from '#services/audit/catalogue.ts';
import { type Occasion, referenceCaptured } from '#services/audit/events.ts';
import type { EvidenceFacts, Tpm2EvidenceFacts } from '#services/audit/evidence-facts.ts';

export interface CaptureDeps {
  readonly readAuditOfNode: (name: NodeName, limit: number) => Promise<readonly AuditRecord[]>;
  readonly readAuditOfRequest: (requestId: RequestId) => Promise<readonly AuditRecord[]>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

/** Which values: those of a node's last accepted join, or those of one join, accepted or refused. */
export type CaptureRequest = { readonly node: NodeName } | { readonly requestId: RequestId };

/** A node's audit records that are looked through for its last accepted join, newest first. */
const RECORDS_OF_NODE = 1_000;

/**
 * The PCR values that a quote of an enrolled node was verified to cover, as a reference-value file; the capture is on record. Undefined where
 * there are none: no such join, or one whose quote did not verify. That the machine had booted what it should is not established, and no
 * policy names the file yet.
 */
export async function captureReferenceValues(
  deps: CaptureDeps,
  request: CaptureRequest,
  occasion: Occasion,
  by: string,
): Promise<ReferenceValuesDocument | undefined> {
  const found = 'node' in request ? await ofLastJoin(deps, request.node) : await ofJoin(deps, request.requestId);
  if (found === undefined) return undefined;
  const { nodeName, requestId, at, evidence } = found;
  const bank = pcrBank.parse(evidence.bank);
  const name = `${nodeName}-${requestId.slice(0, 8)}`;
  const pcrs = { ...evidence.pcrs };
  await deps.appendAudit(
    referenceCaptured(occasion, by, nodeName, { name, capturedFromRequestId: requestId, bank, pcrs }),
  );
  return {
    apiVersion: 'muster/v1',
    kind: 'ReferenceValues',
    name,
    capturedAt: occasion.at.toISOString(),
    capturedFrom: `node ${nodeName}, join ${requestId} of ${at.toISOString()}`,
    bank,
    pcrs,
  };
}

interface Proven {
  readonly nodeName: NodeName;
  readonly requestId: RequestId;
  readonly at: Date;
  readonly evidence: Tpm2EvidenceFacts;
}

async function ofLastJoin(deps: CaptureDeps, node: NodeName): Promise<Proven | undefined> {
  const newestFirst = await deps.readAuditOfNode(node, RECORDS_OF_NODE);
  const issued = newestFirst.find((record) => isRecordOf(record, 'certificate.issued'));
  return issued === undefined ? undefined : provenIn(issued);
}

async function ofJoin(deps: CaptureDeps, requestId: RequestId): Promise<Proven | undefined> {
  const records = await deps.readAuditOfRequest(requestId);
  return records.map(provenIn).find((proven) => proven !== undefined);
}

function provenIn(record: AuditRecord): Proven | undefined {
  const { nodeName = '', requestId = '', at } = record;
  const evidence = evidenceOf(record);
  // Without a node the values are those of a machine that nobody enrolled.
  if (evidence?.kind !== 'tpm2-quote' || !isNodeName(nodeName) || !isRequestId(requestId)) return undefined;
  return { nodeName, requestId, at, evidence };
}

function evidenceOf(record: AuditRecord): EvidenceFacts | undefined {
  if (isRecordOf(record, 'certificate.issued')) return record.facts.evidence;
  if (isRecordOf(record, 'join.refused')) return record.facts.evidence;
  return undefined;
}
