import type { AuditEvent } from '#core/audit-record.ts';
import { utf8 } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import {
  type NodeId,
  type NodeName,
  type PoolName,
  type RequestId,
  certificateFingerprint,
  ekFingerprint,
  isNodeId,
  isNodeName,
  isPoolName,
  isRequestId,
  isSerial,
  type Serial,
  spkiFingerprint,
  ticketId,
} from '#core/ids.ts';
import type { IssuanceIntent, IssuedCertificate } from '#core/issuance.ts';
import { StoreConflictError } from '#services/store/store-conflict-error.ts';
import type { Enrolment, JoinFacts, TicketTake } from '#services/store/store.ts';

/** The lab's noon. */
export const NOON = new Date('2026-11-21T12:00:00.000Z');

/** `seconds` after noon. */
export const afterNoon = (seconds: number): Date => new Date(NOON.getTime() + seconds * 1_000);

/** A name for the lab's nth node; they sort by n. */
export const labNodeName = (n: number): NodeName => checked(`worker-${String(n).padStart(5, '0')}`, isNodeName);
export const labPoolName = (name: string): PoolName => checked(name, isPoolName);
export const labNodeId = (n: number): NodeId => checked(labUuid(1, n), isNodeId);
export const labRequestId = (n: number): RequestId => checked(labUuid(2, n), isRequestId);
export const labSerial = (n: number): Serial => checked(`7a${sha256Hex(utf8(`serial ${n}`)).slice(0, 30)}`, isSerial);

/** What an administrator would write for the lab's nth node. */
export function labEnrolment(n: number, override: Partial<Enrolment> = {}): Enrolment {
  return {
    id: labNodeId(n),
    name: labNodeName(n),
    pool: labPoolName('general'),
    ekFingerprint: ekFingerprint(utf8(`ek ${n}`)),
    ekCertificate: utf8(`certificate of ek ${n}`),
    ...override,
  };
}

/** The nth request's take of the nth ticket. */
export function labTake(n: number, override: Partial<TicketTake> = {}): TicketTake {
  return {
    ticketId: ticketId(utf8(`ticket ${n}`)),
    requestDigest: sha256Hex(utf8(`request ${n}`)),
    requestId: labRequestId(n),
    expiresAt: afterNoon(60),
    ...override,
  };
}

/** What is about to be signed for the lab's nth node, by the nth request. */
export function labIntent(n: number, override: Partial<IssuanceIntent> = {}): IssuanceIntent {
  return {
    serial: labSerial(n),
    nodeId: labNodeId(n),
    nodeName: labNodeName(n),
    requestId: labRequestId(n),
    spkiFingerprint: spkiFingerprint(utf8(`key ${n}`)),
    tbsDigest: sha256Hex(utf8(`tbs ${n}`)),
    notBefore: afterNoon(-300),
    notAfter: afterNoon(28_800),
    ...override,
  };
}

/** The certificate that came of `labIntent(n)`. */
export function labIssued(n: number, override: Partial<IssuedCertificate> = {}): IssuedCertificate {
  const der = utf8(`der ${n}`);
  return {
    serial: labSerial(n),
    fingerprint: certificateFingerprint(der),
    der,
    notBefore: afterNoon(-300),
    notAfter: afterNoon(28_800),
    ...override,
  };
}

/** What the lab's nth node showed when it joined. */
export function labJoin(n: number, override: Partial<JoinFacts> = {}): JoinFacts {
  return {
    nodeId: labNodeId(n),
    at: NOON,
    address: '192.0.2.7',
    bootEpoch: { resetCount: 4_294_967_295, restartCount: 2, clockMs: 18_446_744_073_709_551_615n },
    akName: `000b${sha256Hex(utf8(`ak ${n}`))}`,
    imaProgress: {
      resetCount: 4_294_967_295,
      bank: 'sha256',
      records: 3_000 + n,
      pcr10: sha256Hex(utf8(`pcr 10 of ${n}`)),
      tail: { records: 1, digest: sha256Hex(utf8(`tail of ${n}`)) },
      policyVersion: sha256Hex(utf8('policy')),
    },
    ...override,
  };
}

/** An event about nothing in particular. */
export function labEvent(override: Partial<AuditEvent> = {}): AuditEvent {
  return { type: 'test.happened', at: NOON, actor: 'service', facts: {}, ...override };
}

/** How a call to the store ended: `done`, or the conflict's code, or the error's class. */
export const labOutcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreConflictError ? error.code : errorClass(error)),
  );

const errorClass = (error: unknown): string => (error instanceof Error ? error.constructor.name : typeof error);

function labUuid(kind: number, n: number): string {
  return `0000000${kind}-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

function checked<T extends string>(text: string, is: (text: string) => text is T): T {
  if (!is(text)) throw new Error(`not in form: ${text}`);
  return text;
}
