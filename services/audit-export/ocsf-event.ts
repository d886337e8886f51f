import { isIP } from 'node:net';

import type { AuditRecord } from '#core/audit-record.ts';
import type { CanonicalValue } from '#core/canonical-json.ts';
import { unreachable } from '#core/never.ts';

import { type EntityKind, type ExportedEvent, exportedAs } from './exported-events.ts';
import { OCSF_CLASSES, OCSF_VERSION, OUTCOMES, SEVERITIES } from './ocsf-classes.ts';
import { recordText } from './record-text.ts';

/** Who tells. */
export interface OcsfSource {
  /** The service's identity: tells one Muster's chain from another's. */
  readonly audience: string;
  /** Of this program. */
  readonly version: string;
}

const PRODUCT = 'Muster';
const SHA_256 = { algorithm: 'SHA-256', algorithm_id: 3 } as const;

/**
 * The record as an event of the Open Cybersecurity Schema Framework. `raw_data` is the text that `raw_data_hash` seals and has the hash
 * before, so that a receiver can check the chain by itself; `metadata.uid` is the same whenever the record is delivered again.
 */
export function ocsfEvent(record: AuditRecord, source: OcsfSource): object {
  const exported = exportedAs(record.type);
  const { uid: classUid, name: className, category } = OCSF_CLASSES[exported.class];
  const [activityId, activityName] = activityOf(exported);
  const [severityId, severity] = SEVERITIES[exported.severity].ocsf;
  const [statusId, status] = OUTCOMES[exported.outcome];
  const detail = textOf(record, 'reason') ?? textOf(record, 'problem');
  return {
    category_uid: category.uid,
    category_name: category.name,
    class_uid: classUid,
    class_name: className,
    activity_id: activityId,
    activity_name: activityName,
    type_uid: classUid * 100 + activityId,
    type_name: `${className}: ${activityName}`,
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    ...(detail === undefined ? {} : { status_detail: detail }),
    time: timeOf(record.at),
    message: record.nodeName === undefined ? exported.message : `${exported.message}: ${record.nodeName}`,
    metadata: metadataOf(record, source),
    ...aboutOf(record, exported),
    raw_data: recordText(record),
    raw_data_hash: { ...SHA_256, value: record.hash },
    unmapped: { previous_hash: record.previousHash, actor: record.actor, facts: record.facts },
  };
}

function metadataOf(record: AuditRecord, { audience, version }: OcsfSource): object {
  const { sequence, hash, type, requestId } = record;
  return {
    version: OCSF_VERSION,
    product: { name: PRODUCT, vendor_name: PRODUCT, uid: audience, version },
    uid: hash,
    sequence,
    event_code: type,
    log_name: 'audit',
    log_provider: audience,
    ...(requestId === undefined ? {} : { correlation_uid: requestId }),
  };
}

/** What the event's class asks for. */
function aboutOf(record: AuditRecord, exported: ExportedEvent): object {
  const actor = actorOf(record.actor);
  const source = record.address === undefined ? {} : { src_endpoint: endpointOf(record.address) };
  switch (exported.class) {
    case 'entity-management':
      return { actor, ...source, entity: entityOf(record, exported.entity) };
    case 'authentication':
      return { actor, ...source, user: subjectOf(record), service: { name: PRODUCT }, is_mfa: exported.isMfa };
    case 'api-activity': {
      const operation = exported.operation ?? requestOf(record);
      const api = { operation, service: { name: PRODUCT } };
      // The class wants a source: without a caller it is the service itself.
      return { actor, src_endpoint: { svc_name: PRODUCT }, ...source, api };
    }
    case 'application-lifecycle':
      return { app: { name: PRODUCT, vendor_name: PRODUCT, version: textOf(record, 'version') ?? 'unknown' } };
    case 'base-event':
      return {};
    default:
      return unreachable(exported);
  }
}

function actorOf(actor: string): object {
  const at = actor.indexOf(':');
  const kind = at < 0 ? actor : actor.slice(0, at);
  const name = at < 0 ? actor : actor.slice(at + 1);
  switch (kind) {
    case 'service':
      return { app_name: PRODUCT };
    case 'admin':
      return { user: { name, type_id: 2, type: 'Admin' } };
    case 'node':
      return { user: { name, type_id: 3, type: 'System' } };
    case 'token':
      return { user: { name, type_id: 99, type: 'Join token' } };
    default:
      return { user: { name, type_id: 0, type: 'Unknown' } };
  }
}

/** Whom an authentication is about: what the caller claims to be, where nothing was proven. */
function subjectOf(record: AuditRecord): object {
  const { nodeName, actor } = record;
  if (actor.startsWith('admin:')) return { name: actor.slice('admin:'.length), type_id: 2, type: 'Admin' };
  const name = nodeName ?? textOf(record, 'claimedNodeName') ?? textOf(record, 'tokenId') ?? 'unknown';
  const key = textOf(record, 'ekFingerprint');
  return { name, type_id: 3, type: 'System', ...(key === undefined ? {} : { uid: key }) };
}

function entityOf(record: AuditRecord, kind: EntityKind): object {
  const named = record.nodeName === undefined ? {} : { name: record.nodeName };
  switch (kind) {
    case 'node': {
      const uid = textOf(record, 'nodeId') ?? textOf(record, 'claimantEk') ?? 'unknown';
      const device = { type_id: 1, type: 'Server', ...named, uid };
      return { type_id: 1, type: 'Device', ...named, uid, device };
    }
    case 'policy': {
      const version = textOf(record, 'policyVersion') ?? 'unknown';
      return { type_id: 5, type: 'Policy', name: 'policy', version, policy: { name: 'policy', version } };
    }
    case 'certificate':
      return { ...OTHER_ENTITY, type: 'Certificate', ...named, uid: textOf(record, 'serial') ?? 'unknown' };
    case 'candidate':
      return { ...OTHER_ENTITY, type: 'Waiting machine', ...named, uid: textOf(record, 'candidateId') ?? 'unknown' };
    case 'join-token':
      return { ...OTHER_ENTITY, type: 'Join token', ...named, uid: textOf(record, 'tokenId') ?? 'unknown' };
    case 'reference-values':
      return { ...OTHER_ENTITY, type: 'Reference values', name: textOf(record, 'name') ?? 'unknown' };
    case 'certificate-authority':
      return { ...OTHER_ENTITY, type: 'Certificate authority', uid: textOf(record, 'signing') ?? 'unknown' };
    default:
      return unreachable(kind);
  }
}

const OTHER_ENTITY = { type_id: 99 } as const;

/** An address, or whatever stood in its place. */
const endpointOf = (address: string): object => (isIP(address) === 0 ? { name: address } : { ip: address });

const requestOf = (record: AuditRecord): string =>
  `${textOf(record, 'method') ?? 'unknown'} ${textOf(record, 'path') ?? ''}`.trimEnd();

function activityOf(exported: ExportedEvent): readonly [id: number, name: string] {
  switch (exported.class) {
    case 'entity-management':
      return OCSF_CLASSES[exported.class].activities[exported.activity];
    case 'authentication':
      return OCSF_CLASSES[exported.class].activities[exported.activity];
    case 'api-activity':
      return OCSF_CLASSES[exported.class].activities[exported.activity];
    case 'application-lifecycle':
      return OCSF_CLASSES[exported.class].activities[exported.activity];
    case 'base-event':
      return OCSF_CLASSES[exported.class].activities[exported.activity];
    default:
      return unreachable(exported);
  }
}

function textOf({ facts }: AuditRecord, name: string): string | undefined {
  const value: CanonicalValue | undefined = facts[name];
  return typeof value === 'string' ? value : undefined;
}

/** Milliseconds since the epoch; 0 for a time that somebody made no time. */
const timeOf = (at: Date): number => (Number.isNaN(at.getTime()) ? 0 : at.getTime());
