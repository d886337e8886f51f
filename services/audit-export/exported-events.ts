import type { AuditEventType } from '#services/audit/catalogue.ts';

import type { OcsfActivity, Outcome, Severity } from './ocsf-classes.ts';

/** What an event of Entity Management is about. */
export type EntityKind =
  | 'node'
  | 'certificate'
  | 'candidate'
  | 'join-token'
  | 'policy'
  | 'reference-values'
  | 'certificate-authority';

interface Common {
  readonly severity: Severity;
  readonly outcome: Outcome;
  /** For a person who reads down a list of events. */
  readonly message: string;
}

/** What receivers are told that an event of ours is. */
export type ExportedEvent = Common &
  (
    | {
        readonly class: 'entity-management';
        readonly activity: OcsfActivity<'entity-management'>;
        readonly entity: EntityKind;
      }
    | { readonly class: 'authentication'; readonly activity: OcsfActivity<'authentication'>; readonly isMfa: boolean }
    | {
        readonly class: 'api-activity';
        readonly activity: OcsfActivity<'api-activity'>;
        /** Undefined: what the record says of the request. */
        readonly operation: string | undefined;
      }
    | { readonly class: 'application-lifecycle'; readonly activity: OcsfActivity<'application-lifecycle'> }
    | { readonly class: 'base-event'; readonly activity: OcsfActivity<'base-event'> }
  );

type EntityActivity = OcsfActivity<'entity-management'>;

const entity = (
  activity: EntityActivity,
  kind: EntityKind,
  severity: Severity,
  message: string,
  outcome: Outcome = 'success',
): ExportedEvent => ({ class: 'entity-management', activity, entity: kind, severity, outcome, message });

const logon = (severity: Severity, message: string, outcome: Outcome): ExportedEvent => ({
  class: 'authentication',
  activity: 'logon',
  isMfa: false,
  severity,
  outcome,
  message,
});

const stepUp = (
  activity: OcsfActivity<'authentication'>,
  severity: Severity,
  message: string,
  outcome: Outcome,
): ExportedEvent => ({ class: 'authentication', activity, isMfa: true, severity, outcome, message });

const api = (
  activity: OcsfActivity<'api-activity'>,
  operation: string | undefined,
  severity: Severity,
  message: string,
  outcome: Outcome,
): ExportedEvent => ({ class: 'api-activity', activity, operation, severity, outcome, message });

const lifecycle = (
  activity: OcsfActivity<'application-lifecycle'>,
  severity: Severity,
  message: string,
): ExportedEvent => ({ class: 'application-lifecycle', activity, severity, outcome: 'success', message });

/** Every event that the audit log knows, once, as receivers are told of it. An event without a row here does not compile. */
export const EXPORTED_EVENTS: { readonly [T in AuditEventType]: ExportedEvent } = {
  'service.started': lifecycle('start', 'informational', 'The service started'),
  'service.stopped': lifecycle('stop', 'low', 'The service stopped'),
  'authorities.changed': entity('update', 'certificate-authority', 'medium', 'The node CAs changed'),
  'policy.loaded': entity('activate', 'policy', 'low', 'A policy is in force'),
  'policy.refused': entity('update', 'policy', 'medium', 'A policy was refused', 'failure'),
  'challenge.refused': logon('low', 'A challenge was refused', 'failure'),
  'join.refused': logon('medium', 'A join was refused', 'failure'),
  'join.repeated': logon('informational', 'A join was repeated and got the same certificate', 'success'),
  'certificate.signing': entity(
    'create',
    'certificate',
    'informational',
    'A certificate is about to be signed',
    'pending',
  ),
  'certificate.issued': entity('create', 'certificate', 'informational', 'A certificate was issued'),
  'certificate.orphaned': entity('create', 'certificate', 'medium', 'A certificate was orphaned', 'failure'),
  'certificate.revoked': entity('disable', 'certificate', 'medium', 'A certificate was revoked'),
  'node.enrolled': entity('enroll', 'node', 'low', 'A node was enrolled'),
  'candidate.queued': entity('create', 'candidate', 'low', 'A machine waits for an administrator', 'pending'),
  'candidate.approved': entity('enable', 'candidate', 'low', 'A waiting machine was let in'),
  'candidate.refused': entity('disable', 'candidate', 'low', 'A waiting machine was refused'),
  'node.conflict': entity('suspend', 'node', 'high', 'Two hold one key'),
  'node.approved': entity('activate', 'node', 'low', 'A node was approved'),
  'node.quarantined': entity('suspend', 'node', 'medium', 'A node was quarantined'),
  'node.released': entity('resume', 'node', 'low', 'A node was released'),
  'node.barred': entity('disable', 'node', 'medium', 'A node was barred'),
  'node.unbarred': entity('enable', 'node', 'low', 'A node was unbarred'),
  'node.retired': entity('unenroll', 'node', 'low', 'A node was retired'),
  'node.connectivity-changed': entity('update', 'node', 'informational', 'The way to a node changed'),
  'node.booted': entity('update', 'node', 'informational', 'A node booted'),
  'node.renewal-requested': entity('update', 'node', 'informational', 'A node was asked to join again'),
  'token.created': entity('create', 'join-token', 'low', 'A join token was made'),
  'token.revoked': entity('disable', 'join-token', 'low', 'A join token was revoked'),
  'token.redeemed': entity('disable', 'join-token', 'low', 'A join token was spent'),
  'token.refused': logon('medium', 'A join token was refused', 'failure'),
  'enrolment.refused': api('create', 'enrolNodes', 'low', 'An enrolment was refused', 'failure'),
  'reference.captured': entity('create', 'reference-values', 'low', 'Reference values were captured'),
  'reference.retired': entity('disable', 'reference-values', 'medium', 'Reference values were retired'),
  'cluster.node-changed': api(
    'update',
    'changeClusterNode',
    'informational',
    'A Node was changed in the cluster',
    'success',
  ),
  'heartbeat.refused': logon('medium', 'A certificate that is not good was shown with a heartbeat', 'failure'),
  'admin.refused': api('other', undefined, 'medium', 'A request to the administrators’ side was refused', 'failure'),
  'step-up.required': stepUp('preauth', 'informational', 'An act needs a second factor', 'pending'),
  'step-up.accepted': stepUp('logon', 'low', 'A second factor was accepted', 'success'),
  'step-up.refused': stepUp('logon', 'medium', 'A second factor was refused', 'failure'),
};

const UNKNOWN_TYPE: ExportedEvent = {
  class: 'base-event',
  activity: 'other',
  severity: 'medium',
  outcome: 'unknown',
  message: 'An event that this release does not know',
};

/** What receivers are told of a record of this type; of one that is not in the catalogue, that it is there. */
export function exportedAs(type: string): ExportedEvent {
  return isKnown(type) ? EXPORTED_EVENTS[type] : UNKNOWN_TYPE;
}

const isKnown = (type: string): type is AuditEventType => Object.hasOwn(EXPORTED_EVENTS, type);
