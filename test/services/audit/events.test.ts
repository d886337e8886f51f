import { describe, expect, test } from 'vitest';

import type { Denial, VerifiedClaims } from '#attestation/result.ts';
import { type AuditEvent, AUDIT_GENESIS, chainAuditEvent } from '#core/audit-record.ts';
import { utf8 } from '#core/bytes.ts';
import { type CandidateProof, proofChanges } from '#core/candidate.ts';
import { certificateFingerprint, ekFingerprint, newCandidateId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import {
  candidateApproved,
  candidateQueued,
  candidateRefused,
  nodeConflict,
} from '#services/audit/admission-events.ts';
import { type AuditEventType, isRecordOf } from '#services/audit/catalogue.ts';
import {
  adminRefused,
  certificateIssued,
  certificateOrphaned,
  certificateSigning,
  challengeRefused,
  enrolmentRefused,
  joinRefused,
  joinRepeated,
  nodeEnrolled,
  policyLoaded,
  policyRefused,
  referenceRetired,
  referenceCaptured,
  authoritiesChanged,
  serviceStarted,
  serviceStopped,
} from '#services/audit/events.ts';
import { certificateRevoked, nodeChanged } from '#services/audit/node-life-events.ts';
import { clusterNodeChanged } from '#services/audit/cluster-events.ts';
import { connectivityChanged, heartbeatRefused, nodeBooted, renewalRequested } from '#services/audit/contact-events.ts';
import {
  NOON,
  labIntent,
  labIssued,
  labNodeId,
  labNodeName,
  labPoolName,
  labRequestId,
  labSerial,
} from '#test/lab/store-values.ts';
import { stepUpAccepted, stepUpRefused, stepUpRequired } from '#services/audit/step-up-events.ts';
import { tokenCreated, tokenRedeemed, tokenRefused, tokenRevoked } from '#services/audit/token-events.ts';
import { memoryStore } from '#test/fakes/memory-store.ts';

const OCCASION = { at: NOON, requestId: labRequestId(1), address: '192.0.2.7' };
const EK = ekFingerprint(utf8('ek 1'));
const ACT = { act: 'nodes.approve', method: 'POST', path: '/v1/tokens', bodyDigest: 'b'.repeat(64) };

const CLAIMS: VerifiedClaims = {
  kind: 'tpm2-quote',
  ek: {
    fingerprint: EK,
    certificate: {
      manufacturer: 'id:53544D20',
      model: 'ST33',
      version: 'id:00010102',
      software: false,
      anchor: 'CN=Root',
    },
  },
  akName: '000b11',
  bank: 'sha256',
  pcrs: new Map([
    [0, 'aa'.repeat(32)],
    [10, 'bb'.repeat(32)],
  ]),
  bootEpoch: { resetCount: 4_294_967_295, restartCount: 1, clockMs: 18_446_744_073_709_551_615n },
  clockSafe: true,
  firmwareVersion: 0x0001_0002_0003_0004n,
  boot: undefined,
  ima: undefined,
};
const DENIAL: Denial = {
  code: 'pcr-mismatch',
  pcr: 7,
  expected: 'aa',
  found: 'bb',
  detail: 'Secure Boot state differs',
};
const REFUSAL = {
  problem: 'evidence-rejected',
  denials: [DENIAL],
  claimedNodeName: 'worker-00001',
  ekFingerprint: EK,
  policyVersion: 'f00d',
  nodeName: labNodeName(1),
};
const ISSUANCE = {
  intent: labIntent(1),
  certificate: labIssued(1),
  pool: labPoolName('general'),
  protectionRating: 'default' as const,
  claimedNodeName: 'worker-00001',
  policyVersion: 'f00d',
  referenceValues: 'golden-1',
  claims: CLAIMS,
  advisories: [{ code: 'ak-changed' as const, detail: 'the AK was made anew' }],
};
const ENROLLED = {
  nodeId: labNodeId(1),
  nodeName: labNodeName(1),
  pool: labPoolName('general'),
  ekFingerprint: EK,
  ekCertificateFingerprint: certificateFingerprint(utf8('der')),
};

const CANDIDATE = { candidateId: newCandidateId(systemRandom), ekFingerprint: EK, pool: labPoolName('general') };
const PROOF: CandidateProof = {
  claimedNodeName: 'worker-9',
  address: '192.0.2.7',
  akName: '000b11',
  ekCertificate: undefined,
  bank: 'sha256',
  pcrs: { '7': 'aa' },
  referenceValues: undefined,
  firmwareVersion: '0001000200030004',
  boot: undefined,
  calledBack: true,
};

const TOKEN = { tokenId: '00112233aabbccdd', nodeName: labNodeName(1), pool: labPoolName('general') };

const CHANGED = { nodeId: labNodeId(1), nodeName: labNodeName(1), reason: undefined, text: 'seen opened' };

const EVENTS: Readonly<Record<AuditEventType, AuditEvent>> = {
  'authorities.changed': authoritiesChanged(NOON, {
    signing: 'aa',
    retired: ['bb'],
    next: undefined,
    roots: ['cc'],
    bundle: '00',
  }),
  'service.started': serviceStarted(NOON, { version: '0.1.0', policyVersion: 'f00d' }),
  'service.stopped': serviceStopped(NOON, 'SIGTERM'),
  'policy.loaded': policyLoaded(NOON, { policyVersion: 'f00d', pools: ['general'], referenceValues: ['golden-1'] }),
  'policy.refused': policyRefused(NOON, { policyVersion: 'f00d', problems: ['policy.yaml:3: pools: expected'] }),
  'challenge.refused': challengeRefused(OCCASION, REFUSAL),
  'join.refused': joinRefused(OCCASION, { ...REFUSAL, claims: CLAIMS }),
  'join.repeated': joinRepeated(OCCASION, {
    nodeName: labNodeName(1),
    serial: labSerial(1),
    fingerprint: labIssued(1).fingerprint,
  }),
  'certificate.signing': certificateSigning(OCCASION, labIntent(1)),
  'certificate.issued': certificateIssued(OCCASION, ISSUANCE),
  'certificate.orphaned': certificateOrphaned(NOON, labIntent(1)),
  'certificate.revoked': certificateRevoked(OCCASION, 'CN=alice', {
    nodeName: labNodeName(1),
    serial: labSerial(1),
    reason: 'keyCompromise',
    text: 'found on a stick',
  }),
  'node.approved': nodeChanged(OCCASION, 'CN=alice', 'approve', CHANGED),
  'node.quarantined': nodeChanged(OCCASION, 'CN=alice', 'quarantine', CHANGED),
  'node.released': nodeChanged(OCCASION, 'CN=alice', 'release', CHANGED),
  'node.barred': nodeChanged(OCCASION, 'CN=alice', 'bar', CHANGED),
  'node.unbarred': nodeChanged(OCCASION, 'CN=alice', 'unbar', CHANGED),
  'node.retired': nodeChanged(OCCASION, 'CN=alice', 'retire', CHANGED),
  'node.enrolled': nodeEnrolled(OCCASION, 'CN=alice', ENROLLED),
  'enrolment.refused': enrolmentRefused(OCCASION, 'CN=alice', {
    lines: 2,
    conflicts: [{ index: 1, conflict: 'ek-taken', name: labNodeName(1) }],
  }),
  'candidate.queued': candidateQueued(OCCASION, { ...CANDIDATE, nodeName: undefined, proof: PROOF }),
  'candidate.approved': candidateApproved(OCCASION, 'CN=alice', {
    ...CANDIDATE,
    nodeId: labNodeId(1),
    nodeName: labNodeName(1),
    claimedNodeName: 'worker-9',
    revision: 2,
    changes: proofChanges(PROOF, { ...PROOF, pcrs: { '7': 'bb' } }),
  }),
  'candidate.refused': candidateRefused(OCCASION, 'CN=alice', {
    candidateId: CANDIDATE.candidateId,
    ekFingerprint: EK,
    claimedNodeName: 'worker-9',
    reason: 'not ours',
  }),
  'node.conflict': nodeConflict(OCCASION, labNodeName(1), {
    denial: { code: 'ak-of-another-ek', found: '000b11' },
    claimantEk: EK,
    claimant: undefined,
    holders: [labNodeName(1)],
  }),
  'node.connectivity-changed': connectivityChanged(NOON, {
    nodeId: labNodeId(1),
    nodeName: labNodeName(1),
    from: 'connected',
    to: 'late',
    lastHeartbeatAt: NOON,
    lastLeaseAt: undefined,
  }),
  'node.booted': nodeBooted(NOON, {
    nodeId: labNodeId(1),
    nodeName: labNodeName(1),
    bootId: labNodeId(2),
    previousBootId: undefined,
    agentVersion: '1.0.0',
    address: '192.0.2.7',
  }),
  'cluster.node-changed': clusterNodeChanged(NOON, {
    nodeId: labNodeId(1),
    nodeName: labNodeName(1),
    state: 'barred',
    nodeUid: undefined,
    actions: ['taints', 'cordon'],
    pods: undefined,
  }),
  'node.renewal-requested': renewalRequested(OCCASION, 'CN=alice', { nodeId: labNodeId(1), nodeName: labNodeName(1) }),
  'heartbeat.refused': heartbeatRefused(OCCASION, {
    reason: 'certificate revoked',
    serial: labSerial(1),
    fingerprint: labIssued(1).fingerprint,
    nodeName: labNodeName(1),
  }),
  'reference.captured': referenceCaptured(OCCASION, 'CN=alice', labNodeName(1), {
    name: 'golden-1',
    capturedFromRequestId: labRequestId(1),
    bank: 'sha256',
    pcrs: { '0': 'aa' },
  }),
  'reference.retired': referenceRetired(OCCASION, 'CN=alice', { name: 'golden-1@2', policyVersion: 'f00d' }),
  'token.created': tokenCreated(OCCASION, 'alice', { ...TOKEN, expiresAt: NOON }),
  'token.revoked': tokenRevoked(OCCASION, 'alice', TOKEN),
  'token.redeemed': tokenRedeemed(OCCASION, { ...TOKEN, nodeId: labNodeId(1), key: EK }),
  'token.refused': tokenRefused(OCCASION, { tokenId: TOKEN.tokenId, nodeName: undefined, reason: 'spent' }),
  'step-up.required': stepUpRequired(OCCASION, 'alice', { ...ACT, keys: 1 }),
  'step-up.accepted': stepUpAccepted(OCCASION, 'alice', {
    ...ACT,
    administrator: certificateFingerprint(utf8('alice')),
    challenge: 'c'.repeat(64),
    expiresAt: NOON.toISOString(),
    keyName: 'blue key',
    credential: 'AAAA',
    counter: 7,
    authenticatorData: 'AAAA',
    clientData: 'AAAA',
    signature: 'AAAA',
  }),
  'step-up.refused': stepUpRefused(OCCASION, 'alice', { ...ACT, reason: 'spent', credential: 'AAAA' }),
  'admin.refused': adminRefused(OCCASION, undefined, {
    problem: 'authentication-required',
    method: 'GET',
    path: '/v1/nodes',
  }),
};

describe('an audit event', () => {
  test.each(Object.entries(EVENTS))('%s bears its own type and stands in a chain', async (type, event) => {
    expect(event.type).toBe(type);
    const store = memoryStore();
    const record = await store.appendAudit(event);
    const [read] = await store.readAudit(0, 1);
    expect(read).toEqual(record);
  });

  test.each<[AuditEventType, string, string | undefined]>([
    ['service.started', 'service', undefined],
    ['challenge.refused', 'anonymous', 'worker-00001'],
    ['join.refused', 'node:worker-00001', 'worker-00001'],
    ['certificate.signing', 'node:worker-00001', 'worker-00001'],
    ['certificate.issued', 'node:worker-00001', 'worker-00001'],
    ['certificate.orphaned', 'service', 'worker-00001'],
    ['node.enrolled', 'admin:CN=alice', 'worker-00001'],
    ['enrolment.refused', 'admin:CN=alice', undefined],
    ['token.created', 'admin:alice', labNodeName(1)],
    ['token.redeemed', 'token:00112233aabbccdd', labNodeName(1)],
    ['token.refused', 'anonymous', undefined],
    ['admin.refused', 'anonymous', undefined],
    ['step-up.accepted', 'admin:alice', undefined],
    ['step-up.refused', 'admin:alice', undefined],
    ['candidate.queued', 'anonymous', undefined],
    ['candidate.approved', 'admin:CN=alice', 'worker-00001'],
    ['candidate.refused', 'admin:CN=alice', undefined],
    ['node.conflict', 'service', 'worker-00001'],
  ])('%s says who did it and which node it is about', (type, actor, nodeName) => {
    expect(EVENTS[type]).toMatchObject({ actor });
    expect(EVENTS[type].nodeName).toBe(nodeName);
  });

  test.each([
    {
      given: 'a verified quote of an enrolled node',
      refusal: { ...REFUSAL, claims: CLAIMS },
      actor: 'node:worker-00001',
    },
    { given: 'no verified quote', refusal: REFUSAL, actor: 'anonymous' },
    {
      given: 'a quote of a node nobody enrolled',
      refusal: { ...REFUSAL, claims: CLAIMS, nodeName: undefined },
      actor: 'anonymous',
    },
  ])('join.refused on $given is the deed of $actor', ({ refusal, actor }) => {
    expect(joinRefused(OCCASION, refusal).actor).toBe(actor);
  });

  test('keeps a claimed name apart from the name of the node it is about', () => {
    const event = joinRefused(OCCASION, { ...REFUSAL, claimedNodeName: 'worker-00002' });
    expect(event.nodeName).toBe('worker-00001');
    expect(event.facts.claimedNodeName).toBe('worker-00002');
  });

  test('join.refused tells an administrator every failed check, and what the machine proved', () => {
    const { facts, address, requestId } = joinRefused(OCCASION, { ...REFUSAL, claims: CLAIMS });
    expect([address, requestId]).toEqual(['192.0.2.7', labRequestId(1)]);
    expect(facts).toMatchObject({
      problem: 'evidence-rejected',
      denials: [{ code: 'pcr-mismatch', pcr: 7, expected: 'aa', found: 'bb', detail: 'Secure Boot state differs' }],
      claimedNodeName: 'worker-00001',
      ekFingerprint: EK,
      policyVersion: 'f00d',
      advisories: [],
    });
    expect(facts.evidence).toEqual(certificateIssued(OCCASION, ISSUANCE).facts.evidence);
  });

  test('join.refused without a verified quote tells nothing of evidence', () => {
    expect(joinRefused(OCCASION, REFUSAL).facts.evidence).toBeUndefined();
  });

  test('certificate.issued carries what reference values are made of', () => {
    expect(certificateIssued(OCCASION, ISSUANCE).facts).toMatchObject({
      serial: labSerial(1),
      fingerprint: labIssued(1).fingerprint,
      notBefore: '2026-11-21T11:55:00.000Z',
      notAfter: '2026-11-21T20:00:00.000Z',
      referenceValues: 'golden-1',
      advisories: [{ code: 'ak-changed', detail: 'the AK was made anew' }],
      evidence: {
        bank: 'sha256',
        pcrs: { '0': 'aa'.repeat(32), '10': 'bb'.repeat(32) },
        bootEpoch: { resetCount: 4_294_967_295, restartCount: 1, clockMs: '18446744073709551615' },
        firmwareVersion: '0001000200030004',
        ekCertificate: { manufacturer: 'id:53544D20', anchor: 'CN=Root' },
      },
    });
  });

  test('enrolment.refused counts all conflicts and lists the first hundred', () => {
    const conflicts = Array.from({ length: 250 }, (_, index) => ({
      index,
      conflict: 'name-taken',
      name: labNodeName(index),
    }));
    const { facts } = enrolmentRefused(OCCASION, 'CN=alice', { lines: 250, conflicts });
    expect([facts.conflictCount, facts.conflicts.length, facts.conflicts.at(-1)?.index]).toEqual([250, 100, 99]);
  });

  test('is told from a record of another type', () => {
    const record = chainAuditEvent(EVENTS['join.refused'], { sequence: 0, hash: AUDIT_GENESIS });
    expect(isRecordOf(record, 'join.refused')).toBe(true);
    expect(isRecordOf(record, 'certificate.issued')).toBe(false);
  });
});
