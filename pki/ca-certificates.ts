import type { Bytes } from '#core/bytes.ts';

import { type Authority, type IssuanceContext, issueCertificate, selfSignCertificate } from './issue-certificate.ts';
import { DAY_SECONDS, PURPOSE_SHAPES } from './lint/purpose.ts';
import { validityFrom } from './profile.ts';
import type { Signer } from './signer.ts';
import type { Certificate } from './x509/certificate.ts';
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
  return { certificate: await certifyIssuingCa(plan, signer.spki, root, context), signer };
}

/** The same for a key that is elsewhere: `spki` is DER, and that its holder asked for it is for the caller to establish. Throws IssuerError. */
export async function certifyIssuingCa(
  plan: CaPlan,
  spki: Bytes,
  root: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  const purpose = 'node-issuing-ca';
  return issueCertificate({ purpose, ...caFields(purpose, plan), spki }, root, context);
}

/**
 * `root`'s name and key under `issuer`, another root of the same name: who trusts `issuer` alone builds a path to what `root` issued. It ends
 * with whichever of the two ends first. Throws IssuerError when the two are not of one name, or are one key.
 */
export async function createCrossCertificate(
  root: Certificate,
  issuer: Authority,
  context: IssuanceContext,
): Promise<Certificate> {
  const purpose = 'node-root-cross';
  const shape = PURPOSE_SHAPES[purpose];
  const notAfter = Math.min(root.notAfter.getTime(), issuer.certificate.notAfter.getTime());
  const { notBefore } = validityFrom(context.now, DAY_SECONDS);
  const plan = {
    purpose,
    subject: root.subject.raw,
    spki: root.publicKey.raw,
    // Both ends count, as everywhere here.
    lifetimeSeconds: (notAfter - notBefore.getTime()) / 1_000 + 1,
    extensions: [basicConstraints(shape.pathLength), keyUsage(...shape.keyUsage)],
  } as const;
  return issueCertificate(plan, issuer, context);
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
