import type { EvidencePolicy, Policy } from '#attestation/evidence-policy.ts';
import { ratingTaints } from '#attestation/protection-rating.ts';
import type { IssuedCertificate } from '#core/issuance.ts';
import type { NodeRecord } from '#core/node-record.ts';
import { encodePem } from '#pki/x509/pem.ts';
import type { JoinResponseBody } from '#protocol/join.ts';
import type { CertificateRecord } from '#services/store/store.ts';

import { renewAt } from './renew-at.ts';

/** A node with the certificate that its join earned. */
export interface Admitted {
  readonly node: NodeRecord;
  /** The pool's policy: rating, labels and taints. */
  readonly pool: EvidencePolicy;
  readonly certificate: IssuedCertificate;
}

/**
 * What the same join earned when it was sent before; undefined where the certificate does not stand any more, was never finished, or its
 * node or pool is no longer what it was issued for.
 */
export function admittedBefore(
  record: CertificateRecord,
  node: NodeRecord | undefined,
  policy: Policy,
): Admitted | undefined {
  const { serial, fingerprint, der, notBefore, notAfter } = record;
  const pool = node === undefined ? undefined : policy.pools.get(node.pool);
  if (node === undefined || pool === undefined || node.id !== record.nodeId || node.state !== 'joined')
    return undefined;
  if (record.state !== 'issued' || fingerprint === undefined || der === undefined) return undefined;
  return { node, pool, certificate: { serial, fingerprint, der, notBefore, notAfter } };
}

/** What every admitted node is told about the cluster. */
export interface ClusterFacts {
  readonly apiServer: string;
  /** PEM of the CA that the API server's certificate chains to. */
  readonly caPem: string;
  /** PEM of the issuing CA, which follows the leaf. */
  readonly issuerPem: string;
}

/** The `201` answer to a join. */
export function renderJoin({ node, pool, certificate }: Admitted, cluster: ClusterFacts): JoinResponseBody {
  const { id, name } = node;
  return {
    node: { id, name, pool: pool.pool, protectionRating: pool.protectionRating },
    certificate: {
      chainPem: encodePem('CERTIFICATE', certificate.der) + cluster.issuerPem,
      serial: certificate.serial,
      fingerprint: certificate.fingerprint,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      renewAt: renewAt(id, certificate).toISOString(),
    },
    kubernetes: {
      apiServer: cluster.apiServer,
      caPem: cluster.caPem,
      nodeLabels: { ...pool.nodeLabels },
      registerWithTaints: [...pool.registerWithTaints, ...ratingTaints(pool.protectionRating)].map((taint) => ({
        ...taint,
      })),
    },
  };
}
