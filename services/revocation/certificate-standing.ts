import type { CertificateFingerprint } from '#core/ids.ts';
import type { NodeRecord, NodeState } from '#core/node-record.ts';
import type { CertificateRecord, StoreReader } from '#services/store/store.ts';

/** Whether a certificate that somebody shows is good at this moment. */
export type CertificateStanding =
  | { readonly good: true; readonly certificate: CertificateRecord; readonly node: NodeRecord }
  | { readonly good: false; readonly why: StandingDenial };

/** `unknown`: never issued here. `node-<state>`: the certificate may be good, its node's state is not `joined`. */
export type StandingDenial = 'unknown' | 'revoked' | 'not-issued' | 'not-yet-valid' | 'expired' | `node-${NodeState}`;

/**
 * Judges a certificate by its fingerprint against what the store says now: to be asked for each request, not for each connection, so that an
 * open connection and a resumed session are worth nothing after a revocation. Good: it was issued and handed out here, is within its validity,
 * stands on no list, and its node is `joined`. That the caller holds its key is for the TLS handshake. Rejects as the store does.
 */
export async function certificateStanding(
  store: Pick<StoreReader, 'findCertificateByFingerprint' | 'findNode'>,
  fingerprint: CertificateFingerprint,
  now: Date,
): Promise<CertificateStanding> {
  const certificate = await store.findCertificateByFingerprint(fingerprint);
  if (certificate === undefined) return { good: false, why: 'unknown' };
  const { state, notBefore, notAfter, nodeId } = certificate;
  if (state === 'revoked') return { good: false, why: 'revoked' };
  if (state !== 'issued') return { good: false, why: 'not-issued' };
  if (now < notBefore) return { good: false, why: 'not-yet-valid' };
  // notAfter names its last second, which counts.
  if (now.getTime() >= notAfter.getTime() + 1_000) return { good: false, why: 'expired' };
  const node = await store.findNode(nodeId);
  if (node === undefined) return { good: false, why: 'unknown' };
  return node.state === 'joined' ? { good: true, certificate, node } : { good: false, why: `node-${node.state}` };
}
