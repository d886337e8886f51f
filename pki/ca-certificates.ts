import type { Bytes } from '#core/bytes.ts';

import { type Authority, type IssuanceContext, issueCertificate, selfSignCertificate } from './issue-certificate.ts';
import { DAY_SECONDS, PURPOSE_SHAPES } from './lint/purpose.ts';
import type { Signer } from './signer.ts';
import { basicConstraints, extendedKeyUsage, keyUsage } from './x509/extension-writer.ts';
import { buildName } from './x509/name-writer.ts';
import { ATTRIBUTE } from './x509/oids.ts';

/** What a CA is called and how long it lasts. */
export interface CaPlan {
  readonly organization: string;
  readonly commonName: string;
  readonly lifetimeDays: number;
}

/** A self-signed CA. `node-root-ca` allows one CA below it, `management-ca` none. Throws IssuerError when the plan breaks a rule. */
export async function createRootCa(
  purpose: 'node-root-ca' | 'management-ca',
  plan: CaPlan,
  signer: Signer,
  context: IssuanceContext,
): Promise<Authority> {
  const certificate = await selfSignCertificate({ purpose, ...caFields(purpose, plan) }, signer, context);
  return { certificate, signer };
}

/**
 * The CA that issues to nodes, below `root`: path length 0, and for client certificates alone where verifiers nest purposes.
 * Throws IssuerError when the plan breaks a rule, outliving the root among them.
 */
export async function createIssuingCa(
  plan: CaPlan,
  signer: Signer,
  root: Authority,
  context: IssuanceContext,
): Promise<Authority> {
  const purpose = 'node-issuing-ca';
  const fields = { purpose, ...caFields(purpose, plan), spki: signer.spki } as const;
  return { certificate: await issueCertificate(fields, root, context), signer };
}

function caFields(purpose: 'node-root-ca' | 'node-issuing-ca' | 'management-ca', plan: CaPlan) {
  const shape = PURPOSE_SHAPES[purpose];
  const purposes: readonly Bytes[] =
    shape.extendedKeyUsage === undefined ? [] : [extendedKeyUsage(...shape.extendedKeyUsage)];
  return {
    subject: buildName([ATTRIBUTE.organization, plan.organization], [ATTRIBUTE.commonName, plan.commonName]),
    lifetimeSeconds: plan.lifetimeDays * DAY_SECONDS,
    extensions: [basicConstraints(shape.pathLength), keyUsage(...shape.keyUsage), ...purposes],
  };
}
