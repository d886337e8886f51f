import { readMeasurementKey } from '#attestation/signed-measurements/measurement-key.ts';
import type { AuditEvent } from '#core/audit-record.ts';
import type { Bytes } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import {
  certificateFingerprint,
  type EkFingerprint,
  ekFingerprint,
  newNodeId,
  type NodeName,
  type PoolName,
} from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import type { RandomSource } from '#core/random.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';
import type { EnrolmentRequest } from '#protocol/enrolment.ts';
import type { FieldError } from '#protocol/problem.ts';
import { enrolmentRefused, nodeEnrolled, type Occasion } from '#services/audit/events.ts';
import { findEnrolmentConflicts } from '#services/store/enrolment-conflicts.ts';
import type { Enrolment, EnrolmentConflict, EnrolOutcome } from '#services/store/store.ts';

export interface EnrolNodesDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly hasPool: (pool: PoolName) => boolean;
  readonly findNodeByName: (name: NodeName) => Promise<NodeRecord | undefined>;
  readonly findNodeByEk: (ek: EkFingerprint) => Promise<NodeRecord | undefined>;
  readonly enrolNodes: (
    enrolments: readonly Enrolment[],
    by: string,
    at: Date,
    events: readonly AuditEvent[],
  ) => Promise<EnrolOutcome>;
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

/** Who enrols, and in which request. */
export interface Enroller extends Omit<Occasion, 'at'> {
  /** The administrator's name, from the client certificate. */
  readonly name: string;
}

export type EnrolmentOutcome =
  | { readonly ok: true; readonly nodes: readonly Enrolment[]; readonly at: Date }
  | {
      readonly ok: false;
      readonly problem: 'malformed-request' | 'state-conflict';
      readonly errors: readonly FieldError[];
    };

/** Certificates are read this many at a time: other requests are answered in between. */
const LINES_AT_A_TIME = 50;

/**
 * Enrols all of the nodes or none. On `ok` each name and each EK is new, each pool is in the policy in force, each EK certificate is
 * well-formed, and the nodes are on record with their audit events; a dry run has checked the same and changed nothing. Otherwise every bad line
 * is named by a pointer. Whether an EK certificate chains to an anchor is not established: that is judged at each join.
 */
export async function enrolNodes(
  deps: EnrolNodesDeps,
  request: EnrolmentRequest,
  enroller: Enroller,
): Promise<EnrolmentOutcome> {
  const { name: by, ...where } = enroller;
  const occasion = { ...where, at: deps.now() };
  const { enrolments, errors } = await readLines(deps, request);
  if (errors.length > 0) return { ok: false, problem: 'malformed-request', errors };
  if (request.dryRun) {
    const conflicts = await findEnrolmentConflicts(enrolments, {
      hasName: async (name) => (await deps.findNodeByName(name)) !== undefined,
      hasEk: async (ek) => (await deps.findNodeByEk(ek)) !== undefined,
    });
    return conflicts.length > 0 ? conflicting(conflicts) : { ok: true, nodes: enrolments, at: occasion.at };
  }
  const events = enrolments.map((enrolment) => enrolledEvent(enrolment, by, occasion));
  const outcome = await deps.enrolNodes(enrolments, by, occasion.at, events);
  if (outcome.ok) return { ok: true, nodes: enrolments, at: occasion.at };
  const conflicts = outcome.conflicts.map((conflict) => ({ ...conflict, name: nameAt(enrolments, conflict.index) }));
  await deps.appendAudit(enrolmentRefused(occasion, by, { lines: enrolments.length, conflicts }));
  return conflicting(outcome.conflicts);
}

async function readLines(
  deps: EnrolNodesDeps,
  { nodes }: EnrolmentRequest,
): Promise<{ enrolments: readonly Enrolment[]; errors: readonly FieldError[] }> {
  const enrolments: Enrolment[] = [];
  const errors: FieldError[] = [];
  for (const [index, node] of nodes.entries()) {
    if (index % LINES_AT_A_TIME === LINES_AT_A_TIME - 1) await new Promise((resolve) => setImmediate(resolve));
    const at = `/nodes/${index}`;
    const key = readKey(node);
    if (!deps.hasPool(node.pool)) errors.push({ pointer: `${at}/pool`, detail: 'the policy has no such pool' });
    if (!key.ok) {
      errors.push({ pointer: `${at}/${key.member}`, detail: key.detail });
      continue;
    }
    const { fingerprint, certificate, measurementSpki } = key;
    enrolments.push({
      id: newNodeId(deps.random),
      name: node.name,
      pool: node.pool,
      ekFingerprint: fingerprint,
      ekCertificate: certificate,
      measurementSpki,
    });
  }
  return { enrolments, errors };
}

type ReadKey =
  | {
      readonly ok: true;
      readonly fingerprint: EkFingerprint;
      readonly certificate?: Bytes | undefined;
      readonly measurementSpki?: Bytes | undefined;
    }
  | { readonly ok: false; readonly member: 'ekCertificate' | 'measurementKey'; readonly detail: string };

function readKey({ ekCertificate: der, ekPublicHash, measurementKey }: EnrolmentRequest['nodes'][number]): ReadKey {
  if (ekPublicHash !== undefined) return { ok: true, fingerprint: ekPublicHash };
  if (measurementKey !== undefined) {
    if (readMeasurementKey(measurementKey) === undefined) {
      return { ok: false, member: 'measurementKey', detail: 'not a public key on P-256 or P-384, or an Ed25519 one' };
    }
    return { ok: true, fingerprint: ekFingerprint(measurementKey), measurementSpki: measurementKey };
  }
  if (der === undefined) throw new Error('the schema asks for one of the three');
  try {
    const certificate = parseCertificate(trimCertificate(der), { dialect: 'tpm-maker' });
    const fingerprint = ekFingerprint(plainSpki(certificate.publicKey).raw);
    return { ok: true, fingerprint, certificate: certificate.der };
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return { ok: false, member: 'ekCertificate', detail: error.message };
  }
}

function conflicting(conflicts: readonly EnrolmentConflict[]): EnrolmentOutcome {
  const errors = conflicts.map(({ index, conflict }) =>
    conflict === 'name-taken'
      ? { pointer: `/nodes/${index}/name`, detail: 'a node of this name is enrolled, or named twice here' }
      : { pointer: `/nodes/${index}`, detail: 'this key is enrolled for another node, or given twice here' },
  );
  return { ok: false, problem: 'state-conflict', errors };
}

function enrolledEvent(enrolment: Enrolment, by: string, occasion: Occasion): AuditEvent {
  const { id: nodeId, name: nodeName, pool, ekFingerprint: fingerprint, ekCertificate } = enrolment;
  const ekCertificateFingerprint = ekCertificate === undefined ? undefined : certificateFingerprint(ekCertificate);
  return nodeEnrolled(occasion, by, { nodeId, nodeName, pool, ekFingerprint: fingerprint, ekCertificateFingerprint });
}

function nameAt(enrolments: readonly Enrolment[], index: number): NodeName {
  const enrolment = enrolments[index];
  if (enrolment === undefined) throw new Error('a conflict is about a line that was sent');
  return enrolment.name;
}
