import { generateKeyPairSync, type KeyObject } from 'node:crypto';

import { type Admission, type AdmissionFacts, mintAdmission } from '#core/admission.ts';
import type { NodeId, NodeName, PoolName, RequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { createIssuingCa, createRootCa } from '#pki/ca-certificates.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { createIssuer, type Issuer, type IssuerDeps } from '#pki/issuer.ts';
import { createProfile } from '#pki/profile.ts';
import type { Signer } from '#pki/signer.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { type Csr, parseCsr } from '#pki/x509/csr.ts';

/** When laboratory CAs are made, unless a test says otherwise. */
export const LAB_NOW = new Date('2026-11-21T10:00:00Z');

export interface NodeCa {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly management: Authority;
}

/** Fresh node root, issuing CA and management CA with unsealed keys; the issuing CA's key may be elsewhere. */
export async function labNodeCa(
  options: { now?: Date; issuingDays?: number; rootDays?: number; issuingSigner?: Signer | undefined } = {},
): Promise<NodeCa> {
  const context = { now: options.now ?? LAB_NOW, random: systemRandom };
  const plan = (commonName: string, lifetimeDays: number) => ({ organization: 'Lab', commonName, lifetimeDays });
  const rootPlan = plan('Lab node root CA', options.rootDays ?? 3_650);
  const root = await createRootCa('node-root-ca', rootPlan, localSigner(labKey()), context);
  const issuingPlan = plan('Lab node issuing CA', options.issuingDays ?? 730);
  const issuing = await createIssuingCa(issuingPlan, options.issuingSigner ?? localSigner(labKey()), root, context);
  const managementPlan = plan('Lab management CA', 3_650);
  const management = await createRootCa('management-ca', managementPlan, localSigner(labKey()), context);
  return { root, issuing, management };
}

/** An issuer over `ca`, with every dependency replaceable. */
export function labIssuer(ca: NodeCa, override: Partial<IssuerDeps> = {}): Issuer {
  return createIssuer({
    signer: ca.issuing.signer,
    issuerCertificate: ca.issuing.certificate.der,
    profile: createProfile({ name: 'kubelet-client', maxTtlSeconds: 86_400 }),
    random: systemRandom,
    caKeys: [ca.root.signer.spki, ca.management.signer.spki],
    ...override,
  });
}

export function labKey(namedCurve = 'P-256'): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

export const labCsr = (key: KeyObject = labKey(), commonName?: string): Csr => parseCsr(buildCsr(key, commonName));

/** An admission as the Verifier would mint it, for 8 hours unless a test says otherwise. */
export function labAdmission(override: Partial<AdmissionFacts> = {}): Admission {
  return mintAdmission({
    nodeId: '6f1c2c1e-52a4-4c0e-8f3e-0a4a55cbe4a1' as NodeId,
    nodeName: 'worker-7' as NodeName,
    pool: 'general' as PoolName,
    protectionRating: 'default',
    ttlSeconds: 28_800,
    requestId: '0d9c3f0a-8a54-4a6c-9c63-7a0e43b0c9de' as RequestId,
    ...override,
  });
}
