import type { Advisory, Denial, VerifiedClaims } from '#attestation/result.ts';
import type {
  CertificateFingerprint,
  EkFingerprint,
  NodeId,
  NodeName,
  PoolName,
  RequestId,
  Serial,
} from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import type { ProtectionRating } from '#core/node-record.ts';

import type { AuditCatalogue, AuditEventOf, CertificateFacts, RefusalFacts } from './catalogue.ts';
import { advisoryFacts, denialFacts, evidenceFacts } from './evidence-facts.ts';

/** When something happened, and for whom. */
export interface Occasion {
  readonly at: Date;
  readonly requestId: RequestId;
  /** The caller's network address as the listener established it. */
  readonly address: string;
}

/** Conflicts that one refused enrolment lists. */
const CONFLICTS_LISTED = 100;
/** Problems that one refused policy lists, and characters of each. */
const PROBLEMS_LISTED = 50;
const PROBLEM_LENGTH = 500;

/** Who did it: this program. */
export const SERVICE = 'service';
/** Who did it: a caller who has not proven who it is. */
export const ANONYMOUS = 'anonymous';
/** Who did it: a node that has proven itself. */
export const nodeActor = (name: NodeName): string => `node:${name}`;
/** Who did it: an administrator. */
export const adminActor = (subject: string): string => `admin:${subject}`;

export function serviceStarted(at: Date, facts: AuditCatalogue['service.started']): AuditEventOf<'service.started'> {
  return { type: 'service.started', at, actor: SERVICE, facts };
}

export function authoritiesChanged(
  at: Date,
  facts: AuditCatalogue['authorities.changed'],
): AuditEventOf<'authorities.changed'> {
  return { type: 'authorities.changed', at, actor: SERVICE, facts };
}

export function serviceStopped(at: Date, reason: string): AuditEventOf<'service.stopped'> {
  return { type: 'service.stopped', at, actor: SERVICE, facts: { reason } };
}

export function policyLoaded(at: Date, facts: AuditCatalogue['policy.loaded']): AuditEventOf<'policy.loaded'> {
  return { type: 'policy.loaded', at, actor: SERVICE, facts };
}

/** `problems`: every one, each with its place. */
export function policyRefused(
  at: Date,
  { policyVersion, problems }: { readonly policyVersion: string; readonly problems: readonly string[] },
): AuditEventOf<'policy.refused'> {
  const listed = problems.slice(0, PROBLEMS_LISTED).map((problem) => problem.slice(0, PROBLEM_LENGTH));
  const facts = { policyVersion, problemCount: problems.length, problems: listed };
  return { type: 'policy.refused', at, actor: SERVICE, facts };
}

export interface Refusal {
  readonly problem: string;
  readonly reason?: string | undefined;
  readonly denials: readonly Denial[];
  /** What the caller said its name is. */
  readonly claimedNodeName?: string | undefined;
  /** Of the EK that the caller showed or proved; nothing is known of it where it is absent. */
  readonly ekFingerprint?: EkFingerprint | undefined;
  readonly policyVersion?: string | undefined;
  /** The enrolled node that this EK belongs to. */
  readonly nodeName?: NodeName | undefined;
}

/** A challenge that was not given. Nobody has proved anything yet, so the actor is anonymous even where the EK is enrolled. */
export function challengeRefused(occasion: Occasion, refusal: Refusal): AuditEventOf<'challenge.refused'> {
  const { nodeName } = refusal;
  return { type: 'challenge.refused', ...occasion, actor: ANONYMOUS, nodeName, facts: refusalFacts(refusal) };
}

export interface JoinRefusal extends Refusal {
  /** Present when the evidence was verified; the actor is then the node itself. */
  readonly claims?: VerifiedClaims | undefined;
  readonly advisories?: readonly Advisory[] | undefined;
}

/** A join that was refused, with everything an administrator needs to see why. */
export function joinRefused(occasion: Occasion, refusal: JoinRefusal): AuditEventOf<'join.refused'> {
  const { claims, nodeName, advisories = [] } = refusal;
  return {
    type: 'join.refused',
    ...occasion,
    actor: claims === undefined || nodeName === undefined ? ANONYMOUS : nodeActor(nodeName),
    nodeName,
    facts: {
      ...refusalFacts(refusal),
      evidence: claims === undefined ? undefined : evidenceFacts(claims),
      advisories: advisoryFacts(advisories),
    },
  };
}

export interface Repeated {
  readonly nodeName: NodeName;
  readonly serial: Serial;
  readonly fingerprint: CertificateFingerprint;
}

export function joinRepeated(occasion: Occasion, repeated: Repeated): AuditEventOf<'join.repeated'> {
  const { nodeName, serial, fingerprint } = repeated;
  return { type: 'join.repeated', ...occasion, actor: nodeActor(nodeName), nodeName, facts: { serial, fingerprint } };
}

/** Belongs in the transaction that reserves the serial, ahead of the signature. */
export function certificateSigning(occasion: Occasion, intent: IssuanceIntent): AuditEventOf<'certificate.signing'> {
  const { nodeName, tbsDigest } = intent;
  const facts = { ...certificateFacts(intent), tbsDigest };
  return { type: 'certificate.signing', ...occasion, actor: nodeActor(nodeName), nodeName, facts };
}

/** What led to a certificate, beside the certificate itself. */
export interface Issuance {
  readonly intent: IssuanceIntent;
  readonly certificate: IssuedCertificate;
  readonly pool: PoolName;
  readonly protectionRating: ProtectionRating;
  readonly claimedNodeName: string;
  readonly policyVersion: string;
  readonly referenceValues: string | undefined;
  readonly claims: VerifiedClaims;
  readonly advisories: readonly Advisory[];
}

/** Belongs in the transaction that records the certificate. */
export function certificateIssued(occasion: Occasion, issuance: Issuance): AuditEventOf<'certificate.issued'> {
  const { intent, certificate, claims, advisories } = issuance;
  return {
    type: 'certificate.issued',
    ...occasion,
    actor: nodeActor(intent.nodeName),
    nodeName: intent.nodeName,
    facts: {
      ...certificateFacts(intent),
      fingerprint: certificate.fingerprint,
      pool: issuance.pool,
      protectionRating: issuance.protectionRating,
      claimedNodeName: issuance.claimedNodeName,
      policyVersion: issuance.policyVersion,
      referenceValues: issuance.referenceValues,
      evidence: evidenceFacts(claims),
      advisories: advisoryFacts(advisories),
    },
  };
}

type IntentSummary = Pick<
  IssuanceIntent,
  'serial' | 'nodeId' | 'nodeName' | 'requestId' | 'spkiFingerprint' | 'notBefore' | 'notAfter'
>;

/** At start-up, of an intent that no process will finish. Its own request is over: it is named among the facts. */
export function certificateOrphaned(at: Date, intent: IntentSummary): AuditEventOf<'certificate.orphaned'> {
  const facts = { ...certificateFacts(intent), signingRequestId: intent.requestId };
  return { type: 'certificate.orphaned', at, actor: SERVICE, nodeName: intent.nodeName, facts };
}

export interface EnrolledNode {
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly pool: PoolName;
  readonly ekFingerprint: EkFingerprint;
  readonly ekCertificateFingerprint: CertificateFingerprint | undefined;
}

/** `subject`: the administrator's, from the client certificate. */
export function nodeEnrolled(occasion: Occasion, subject: string, node: EnrolledNode): AuditEventOf<'node.enrolled'> {
  const { nodeName, ...facts } = node;
  return { type: 'node.enrolled', ...occasion, actor: adminActor(subject), nodeName, facts };
}

export interface RefusedEnrolment {
  readonly lines: number;
  readonly conflicts: readonly { readonly index: number; readonly conflict: string; readonly name: NodeName }[];
}

export function enrolmentRefused(
  occasion: Occasion,
  subject: string,
  refused: RefusedEnrolment,
): AuditEventOf<'enrolment.refused'> {
  const { lines, conflicts } = refused;
  const listed = conflicts.slice(0, CONFLICTS_LISTED).map(({ index, conflict, name }) => ({ index, conflict, name }));
  const facts = { lines, conflictCount: conflicts.length, conflicts: listed };
  return { type: 'enrolment.refused', ...occasion, actor: adminActor(subject), facts };
}

export function referenceCaptured(
  occasion: Occasion,
  subject: string,
  nodeName: NodeName,
  facts: AuditCatalogue['reference.captured'],
): AuditEventOf<'reference.captured'> {
  return { type: 'reference.captured', ...occasion, actor: adminActor(subject), nodeName, facts };
}

/** `subject`: the administrator's, from the client certificate. */
export function referenceRetired(
  occasion: Occasion,
  subject: string,
  facts: AuditCatalogue['reference.retired'],
): AuditEventOf<'reference.retired'> {
  return { type: 'reference.retired', ...occasion, actor: adminActor(subject), facts };
}

/** `subject` is absent where the caller showed no certificate of an administrator. */
export function adminRefused(
  occasion: Occasion,
  subject: string | undefined,
  facts: AuditCatalogue['admin.refused'],
): AuditEventOf<'admin.refused'> {
  const actor = subject === undefined ? ANONYMOUS : adminActor(subject);
  return { type: 'admin.refused', ...occasion, actor, facts };
}

function refusalFacts(refusal: Refusal): RefusalFacts {
  const { problem, reason, denials, claimedNodeName, ekFingerprint, policyVersion } = refusal;
  return { problem, reason, denials: denialFacts(denials), claimedNodeName, ekFingerprint, policyVersion };
}

function certificateFacts(intent: IntentSummary): CertificateFacts {
  const { serial, nodeId, spkiFingerprint, notBefore, notAfter } = intent;
  return {
    serial,
    nodeId,
    spkiFingerprint,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  };
}
