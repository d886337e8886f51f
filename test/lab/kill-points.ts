import type { Signer } from '#pki/signer.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import type { Store } from '#services/store/store.ts';

/** Where a process can be made to die in a join: before and after everything that admitNode does to the store and with the key. */
export const KILL_POINTS = [
  'before takeTicket',
  'after takeTicket',
  'after findNodeByEk',
  'before reserveSerial',
  'after reserveSerial',
  'before sign',
  'after sign',
  'before recordIssued',
  'after recordIssued',
] as const;

/** Those that the first join of a machine passes besides, where its pool enrols it by rule: between `findNodeByEk` and `reserveSerial`. */
export const ENROLMENT_KILL_POINTS = ['before enrolByRule', 'after enrolByRule'] as const;
export type KillPoint = (typeof KILL_POINTS)[number] | (typeof ENROLMENT_KILL_POINTS)[number];

/** Dies, as from kill -9, when it is passed at the point that it is armed for. */
export interface Killer {
  arm: (point: string) => void;
  readonly pass: (point: KillPoint) => void;
}

export function killer(): Killer {
  let armed: string | undefined;
  return {
    arm: (point) => {
      armed = point;
    },
    pass: (point) => {
      if (point === armed) process.kill(process.pid, 'SIGKILL');
    },
  };
}

/** `store`, with the points of a join about its methods. The look-up of a challenge is none: it comes before any ticket is taken. */
export function mortalStore(store: Store, { pass }: Killer): Store {
  let isTaken = false;
  return {
    ...store,
    findNode: (id) => store.findNode(id),
    findNodeByName: (name) => store.findNodeByName(name),
    listNodes: (filter, page) => store.listNodes(filter, page),
    findCertificate: (serial) => store.findCertificate(serial),
    listCertificates: (nodeId, limit) => store.listCertificates(nodeId, limit),
    listCandidates: (at, limit) => store.listCandidates(at, limit),
    findCandidate: (id, at) => store.findCandidate(id, at),
    findNodesByCertifiedKey: (key) => store.findNodesByCertifiedKey(key),
    findNodesByAk: (akName) => store.findNodesByAk(akName),
    queueCandidate: (...queue) => store.queueCandidate(...queue),
    approveCandidate: (...approval) => store.approveCandidate(...approval),
    refuseCandidate: (...refusal) => store.refuseCandidate(...refusal),
    enrolByRule: async (...enrolment) => {
      pass('before enrolByRule');
      const outcome = await store.enrolByRule(...enrolment);
      pass('after enrolByRule');
      return outcome;
    },
    showGeneration: (...shown) => store.showGeneration(...shown),
    listJoinTokens: (limit) => store.listJoinTokens(limit),
    findJoinToken: (id) => store.findJoinToken(id),
    createJoinToken: (...token) => store.createJoinToken(...token),
    revokeJoinToken: (...token) => store.revokeJoinToken(...token),
    redeemJoinToken: (redemption) => store.redeemJoinToken(redemption),
    useStepUp: (...used) => store.useStepUp(...used),
    beginTerm: () => store.beginTerm(),
    isShared: store.isShared,
    takeLeaderLock: () => store.takeLeaderLock(),
    readAudit: (after, limit) => store.readAudit(after, limit),
    readAuditOfRequest: (requestId) => store.readAuditOfRequest(requestId),
    readAuditOfNode: (name, limit) => store.readAuditOfNode(name, limit),
    readAuditOfType: (type, page) => store.readAuditOfType(type, page),
    auditHead: () => store.auditHead(),
    findExportCursor: (destination) => store.findExportCursor(destination),
    moveExportCursor: (...move) => store.moveExportCursor(...move),
    appendAudit: (event) => store.appendAudit(event),
    enrolNodes: (...enrolment) => store.enrolNodes(...enrolment),
    orphanSerials: (orphanings) => store.orphanSerials(orphanings),
    orphanUnfinished: (...orphaning) => store.orphanUnfinished(...orphaning),
    forgetTickets: (before) => store.forgetTickets(before),
    get failure() {
      return store.failure;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    findNodeByEk: async (ek) => {
      const node = await store.findNodeByEk(ek);
      if (isTaken) pass('after findNodeByEk');
      return node;
    },
    takeTicket: async (take) => {
      pass('before takeTicket');
      const taken = await store.takeTicket(take);
      pass('after takeTicket');
      isTaken = true;
      return taken;
    },
    reserveSerial: async (...intent) => {
      pass('before reserveSerial');
      await store.reserveSerial(...intent);
      pass('after reserveSerial');
    },
    recordIssued: async (...issued) => {
      pass('before recordIssued');
      await store.recordIssued(...issued);
      pass('after recordIssued');
    },
  };
}

/** `signer`, telling `witness` of every certificate's signature before it can be lost. Lists of revocations and OCSP answers pass by. */
export function mortalSigner(signer: Signer, { pass }: Killer, witness: (tbs: Uint8Array) => void): Signer {
  return {
    spki: signer.spki,
    sign: async (tbs) => {
      if (!isCertificate(tbs)) return signer.sign(tbs);
      pass('before sign');
      const signature = await signer.sign(tbs);
      witness(tbs);
      pass('after sign');
      return signature;
    },
  };
}

const EXPLICIT_VERSION = 0xa0;

/** True for a TBSCertificate of version 3, which begins with its version; a TBSCertList and an OCSP answer begin otherwise. */
function isCertificate(tbs: Uint8Array): boolean {
  const reader = new DerReader(tbs, 'to-be-signed');
  return reader.sequence().element().tag === EXPLICIT_VERSION;
}
