import type { NodeId, PoolName, RequestId } from '#core/ids.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { appraise, type AppraisalInput } from '#attestation/appraise.ts';
import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import type { DenialCode, VerifiedTpm2Claims } from '#attestation/result.ts';
import { verifyEvidence, type VerifyEvidenceInput } from '#attestation/verify-evidence.ts';
import { type PolicyDocument, policySchema, type ReferenceValuesDocument } from '#protocol/policy.ts';

import { LAB_SIGNER, signManifest } from './reference-signer.ts';
import { LAB_NOW } from './tpm-certificates.ts';
import { LAB_NODE, LAB_PCRS, type LabNode } from './tpm-evidence.ts';

export const LAB_POOL = 'general' as PoolName;
const LAB_REQUEST = '00000000-0000-4000-8000-000000000001' as RequestId;

/** The first reason that `verifyEvidence` gives, or `accepted`. */
export function verdict(input: VerifyEvidenceInput): DenialCode | 'accepted' {
  const verification = verifyEvidence(input);
  if (verification.ok) return 'accepted';
  const [denial] = verification.denials;
  if (denial === undefined) throw new Error('a refusal without a reason');
  return denial.code;
}

/** The claims of a join that must verify. */
export function claimsOf(input: VerifyEvidenceInput): VerifiedTpm2Claims {
  const verification = verifyEvidence(input);
  if (!verification.ok) throw new Error(JSON.stringify(verification.denials));
  if (verification.claims.kind !== 'tpm2-quote') throw new Error('claims of a TPM');
  return verification.claims;
}

/** Every reason that `appraise` gives, or `affirming`. */
export function appraisal(input: AppraisalInput): readonly DenialCode[] | 'affirming' {
  const result = appraise(input);
  return result.status === 'affirming' ? 'affirming' : result.denials.map(({ code }) => code);
}

/** The record of a node that was enrolled with its EK. */
export function labRecord(node: LabNode, change: Partial<NodeRecord> = {}): NodeRecord {
  return {
    id: '00000000-0000-4000-8000-0000000000aa' as NodeId,
    name: LAB_NODE,
    pool: LAB_POOL,
    state: 'enrolled',
    ekFingerprint: node.tpm.ekFingerprint,
    ekCertificate: node.ekCertificates[0],
    enrolledAt: LAB_NOW,
    enrolledBy: 'admin:lab',
    lastJoinAt: undefined,
    lastAddress: undefined,
    bootEpoch: undefined,
    akName: undefined,
    imaProgress: undefined,
    ...change,
  };
}

/** The node's present PCR values as reference values. */
export function labReferenceValues(node: LabNode, name = 'image-1'): ReferenceValuesDocument {
  return {
    apiVersion: 'muster/v1',
    kind: 'ReferenceValues',
    name,
    capturedAt: LAB_NOW.toISOString(),
    capturedFrom: 'lab',
    bank: 'sha256',
    pcrs: node.tpm.readPcrs('sha256', LAB_PCRS),
  };
}

export interface LabPolicyOptions {
  readonly protectionRating?: 'default' | 'protected' | 'highly-protected';
  readonly tpm2?: Readonly<Record<string, unknown>>;
  /** Other members of the pool. */
  readonly pool?: Readonly<Record<string, unknown>>;
  readonly deniedEks?: readonly string[];
  readonly certificateTtl?: string;
  readonly referenceValues?: readonly ReferenceValuesDocument[];
  /** The lab's own where the rating asks for signatures, otherwise none. */
  readonly referenceSigners?: readonly string[];
}

/** A policy document with the one pool `general`, as its file would read. */
export function labPolicyDocument(
  options: LabPolicyOptions = {},
  files: readonly string[] = ['image-1'],
): PolicyDocument {
  return policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    deniedEks: options.deniedEks ?? [],
    referenceSigners: options.referenceSigners ?? (needsSignatures(options) ? ['signer.pem'] : []),
    pools: {
      [LAB_POOL]: {
        ...(options.pool?.['classification'] === undefined && {
          protectionRating: options.protectionRating ?? 'default',
        }),
        segments: ['192.0.2.0/24'],
        certificateTtl: options.certificateTtl ?? '1h',
        ...leastOf(options).pool,
        ...options.pool,
        tpm2: {
          pcrs: LAB_PCRS,
          referenceValues: files,
          ekAnchors: ['lab.pem'],
          ...leastOf(options).tpm2,
          ...options.tpm2,
        },
      },
    },
  });
}

/** What a pool has to demand to be rated so: nothing more. */
function leastOf({ protectionRating = 'default' }: LabPolicyOptions): { readonly pool: object; readonly tpm2: object } {
  switch (protectionRating) {
    case 'default':
      return { pool: {}, tpm2: {} };
    case 'protected':
      return { pool: {}, tpm2: { boot: {} } };
    case 'highly-protected':
      return { pool: { callback: {}, admission: 'approval' }, tpm2: HIGHLY_PROTECTED };
  }
}

const HIGHLY_PROTECTED = {
  pcrs: [...LAB_PCRS, 8, 9, 10],
  referencePcrs: LAB_PCRS,
  boot: { grubCommands: [], loaderFiles: [] },
  ima: { measurementPolicy: { files: { '/etc/ima/ima-policy': [] } } },
};

const needsSignatures = ({ protectionRating = 'default' }: LabPolicyOptions): boolean => protectionRating !== 'default';

/** A policy that admits `node` as it is now; its reference values are signed where the rating asks for it. */
export function labPolicy(node: LabNode, options: LabPolicyOptions = {}): Policy {
  const documents = options.referenceValues ?? [labReferenceValues(node)];
  const named = new Map(
    documents.map((document) => [document.name, needsSignatures(options) ? signManifest(document) : document]),
  );
  const document = labPolicyDocument(options, [...named.keys()]);
  const compiled = compilePolicy(document, {
    referenceValues: named,
    anchors: new Map([['lab.pem', node.ca.pem]]),
    referenceSigners: new Map([['signer.pem', LAB_SIGNER.pem]]),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

/** An appraisal that is affirming, for a test to change one thing in. */
export function labAppraisal(
  node: LabNode,
  claims: VerifiedTpm2Claims,
  change: Partial<AppraisalInput> = {},
): AppraisalInput {
  return {
    claims,
    node: labRecord(node),
    claimedNodeName: LAB_NODE,
    policy: labPolicy(node),
    requestId: LAB_REQUEST,
    now: LAB_NOW,
    ...change,
  };
}
