import type { AuditEvent, AuditRecord } from '#core/audit-record.ts';
import type { CandidateProof } from '#core/candidate.ts';

import type { AdvisoryFacts, DenialFacts, EvidenceFacts } from './evidence-facts.ts';

/** What is known of a request that was refused. What the caller merely said of itself is called `claimed`. */
export type RefusalFacts = {
  /** The problem that the caller was told, by name. */
  readonly problem: string;
  /** What was wrong with the ticket, the certificate request or the node's standing, where no check of the evidence says it. */
  readonly reason: string | undefined;
  /** Every check that failed; the caller was told none of it. */
  readonly denials: readonly DenialFacts[];
  readonly claimedNodeName: string | undefined;
  readonly ekFingerprint: string | undefined;
  readonly policyVersion: string | undefined;
};

/** A certificate that may be signed, or was. */
export type CertificateFacts = {
  readonly serial: string;
  readonly nodeId: string;
  readonly spkiFingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
};

/** A node's standing that an administrator changed. */
export type NodeChangeFacts = {
  readonly nodeId: string;
  /** Of the revocation, where one was given: an RFC 5280 name. */
  readonly reason: string | undefined;
  /** In the administrator's words. */
  readonly text: string | undefined;
  /** The three are added by the store, in the transaction that changes the node. */
  readonly from?: string;
  readonly to?: string;
  /** Certificates put on the revocation list, or taken off it by a release. */
  readonly serials?: readonly string[];
};

/** An act that needs a second factor, as it was asked for. */
export type StepUpActFacts = {
  readonly act: string;
  readonly method: string;
  readonly path: string;
  /** SHA-256 of the body's canonical JSON. */
  readonly bodyDigest: string;
};

/** Every event that the audit log knows, once, and what each one tells. */
export type AuditCatalogue = {
  /** The process is ready to answer. */
  'service.started': { readonly version: string; readonly policyVersion: string };
  /** From here on these are the node CAs, by subject key identifier: a start found others than the last one did. */
  'authorities.changed': {
    /** The one that signs. */
    readonly signing: string;
    readonly retired: readonly string[];
    readonly next: string | undefined;
    readonly roots: readonly string[];
    /** SHA-256 of the bundle, in hex. */
    readonly bundle: string;
  };
  /** The process is about to end of its own accord; a crash leaves none. */
  'service.stopped': { readonly reason: string };
  /** From here on this policy decides. */
  'policy.loaded': {
    readonly policyVersion: string;
    readonly pools: readonly string[];
    readonly referenceValues: readonly string[];
  };
  /** Newer files were refused whole; the policy of this version stays. Only the first problems are listed; `problemCount` counts all. */
  'policy.refused': {
    readonly policyVersion: string;
    readonly problemCount: number;
    readonly problems: readonly string[];
  };
  'challenge.refused': RefusalFacts;
  'join.refused': RefusalFacts & {
    /** Present when the quote was verified: what the machine proved before it was refused. */
    readonly evidence: EvidenceFacts | undefined;
    readonly advisories: readonly AdvisoryFacts[];
  };
  /** A join whose answer was lost was sent again, and got the same certificate. */
  'join.repeated': { readonly serial: string; readonly fingerprint: string };
  /** The key is about to sign. Without a later record of the same serial, whether it did is not known. */
  'certificate.signing': CertificateFacts & { readonly tbsDigest: string };
  'certificate.issued': CertificateFacts & {
    readonly fingerprint: string;
    readonly pool: string;
    readonly protectionRating: string;
    readonly claimedNodeName: string;
    readonly policyVersion: string;
    /** The reference values that matched, by name. */
    readonly referenceValues: string | undefined;
    readonly evidence: EvidenceFacts;
    readonly advisories: readonly AdvisoryFacts[];
  };
  /** The process that meant to sign this serial died; it is never handed out. */
  'certificate.orphaned': CertificateFacts & { readonly signingRequestId: string };
  'node.enrolled': {
    readonly nodeId: string;
    readonly pool: string;
    readonly ekFingerprint: string;
    readonly ekCertificateFingerprint: string | undefined;
  };
  /** A machine waits for an administrator from now on. What it says of itself is its name alone; the rest of `proof` was verified. */
  'candidate.queued': {
    readonly candidateId: string;
    readonly ekFingerprint: string;
    readonly pool: string;
    readonly proof: CandidateProof;
  };
  /** An administrator let it in, having seen what it had proven at that revision. */
  'candidate.approved': {
    readonly candidateId: string;
    readonly ekFingerprint: string;
    readonly nodeId: string;
    readonly pool: string;
    readonly claimedNodeName: string;
    readonly revision: number;
    readonly changes: readonly { readonly member: string; readonly first: string; readonly latest: string }[];
  };
  'candidate.refused': {
    readonly candidateId: string;
    readonly ekFingerprint: string;
    readonly claimedNodeName: string;
    readonly reason: string;
  };
  /**
   * Two hold one key. Where the node was frozen for it the store adds `from`, `to` and `serials`; without them nobody was frozen, because
   * the claimant is nobody's node, or every node concerned was out of service already.
   */
  'node.conflict': {
    readonly code: string;
    readonly key: string | undefined;
    readonly detail: string | undefined;
    readonly claimantEk: string;
    readonly claimant: string | undefined;
    readonly holders: readonly string[];
  };
  'node.approved': NodeChangeFacts;
  'node.quarantined': NodeChangeFacts;
  'node.released': NodeChangeFacts;
  'node.barred': NodeChangeFacts;
  'node.unbarred': NodeChangeFacts;
  'node.retired': NodeChangeFacts;
  /** One certificate, for good; its node stays as it was. */
  'certificate.revoked': { readonly serial: string; readonly reason: string; readonly text: string | undefined };
  /** Whoever has this token may enrol one key, once, under this name. */
  'token.created': { readonly tokenId: string; readonly pool: string; readonly expiresAt: string };
  'token.revoked': { readonly tokenId: string; readonly pool: string };
  /** The token is spent: the node was enrolled with this key, which signs measurements. */
  'token.redeemed': {
    readonly tokenId: string;
    readonly nodeId: string;
    readonly pool: string;
    readonly key: string;
  };
  /** Somebody showed a token, and got nothing for it. The caller was not told which check failed. */
  'token.refused': { readonly tokenId: string; readonly reason: string };
  /** A list of nodes of which none was enrolled. Only the first conflicts are listed; `conflictCount` counts all. */
  'enrolment.refused': {
    readonly lines: number;
    readonly conflictCount: number;
    readonly conflicts: readonly { readonly index: number; readonly conflict: string; readonly name: string }[];
  };
  /** A node's verified PCR values were turned into a reference-value file. It admits nobody until a policy names it. */
  'reference.captured': {
    readonly name: string;
    readonly capturedFromRequestId: string;
    readonly bank: string;
    readonly pcrs: Readonly<Record<string, string>>;
  };
  /** From here on these reference values, `name@version` where they have one, admit nobody: in no pool, under no policy, for good. */
  'reference.retired': { readonly name: string; readonly policyVersion: string };
  /** What heartbeats and leases say of the way to a node changed; `from` is what stood in the log before. */
  'node.connectivity-changed': {
    readonly nodeId: string;
    readonly from: string;
    readonly to: string;
    readonly lastHeartbeatAt: string | undefined;
    readonly lastLeaseAt: string | undefined;
  };
  /** A node's heartbeats name another boot than before. The node claims it; a join's quote proves its own counters. */
  'node.booted': {
    readonly nodeId: string;
    readonly bootId: string;
    readonly previousBootId: string | undefined;
    readonly agentVersion: string;
  };
  /** The node controller changed the node's Node object, or deleted pods on it. */
  'cluster.node-changed': {
    readonly nodeId: string;
    readonly state: string;
    readonly nodeUid: string | undefined;
    /** What was done: `labels`, `taints`, `cordon`, `uncordon`, `create`, `delete-pods`, `delete-node`. */
    readonly actions: readonly string[];
    readonly pods: number | undefined;
  };
  /** An administrator asked that the node join again at once. */
  'node.renewal-requested': { readonly nodeId: string };
  /** A certificate that the node CA signed was shown with a heartbeat and is not good. One of many: the same is recorded every ten minutes. */
  'heartbeat.refused': { readonly reason: string; readonly serial: string; readonly fingerprint: string };
  /** Somebody asked the administrators' side for something it did not do. */
  'admin.refused': { readonly problem: string; readonly method: string; readonly path: string };
  /** An administrator asked for an act without the second factor that it needs. `keys`: how many of theirs could have signed. */
  'step-up.required': StepUpActFacts & { readonly keys: number };
  /** A security key signed this act, in the same request as the act's own record. What it signed can be verified again from here. */
  'step-up.accepted': StepUpActFacts & {
    /** SHA-256 of the certificate that the administrator showed. */
    readonly administrator: string;
    readonly challenge: string;
    readonly expiresAt: string;
    readonly keyName: string;
    readonly credential: string;
    readonly counter: number;
    readonly authenticatorData: string;
    readonly clientData: string;
    readonly signature: string;
  };
  /** A second factor that was not taken; the act was not done. */
  'step-up.refused': StepUpActFacts & { readonly reason: string; readonly credential: string | undefined };
};

export type AuditEventType = keyof AuditCatalogue;

/** An event of one type, with its facts. */
export type AuditEventOf<T extends AuditEventType> = AuditEvent & {
  readonly type: T;
  readonly facts: AuditCatalogue[T];
};
/** A record of one type, with its facts. */
export type AuditRecordOf<T extends AuditEventType> = AuditRecord & AuditEventOf<T>;

/**
 * True when the record is of this type. Its facts are then what this program's builder of that type wrote: the store gives back what
 * it was given, and `core/audit-chain.ts` says whether anybody has changed it since.
 */
export const isRecordOf = <T extends AuditEventType>(record: AuditRecord, type: T): record is AuditRecordOf<T> =>
  record.type === type;
