import type { NodeRecord } from '#core/node-record.ts';
import type { PeerCertificate } from '#services/http/node-peer.ts';
import type { StoreReader } from '#services/store/store.ts';

export type NodeAuthentication =
  | { readonly ok: true; readonly node: NodeRecord }
  | {
      readonly ok: false;
      readonly problem: 'authentication-required' | 'permission-denied' | 'node-barred';
      /** For the audit log. */
      readonly reason: string;
      readonly node: NodeRecord | undefined;
    };

/**
 * Establishes for this request, not for the connection, that
 *  1. a certificate was shown whose chain to the node CA the handshake verified, and it is within its validity;
 *  2. it is one that this service issued: its serial is on record with exactly this fingerprint;
 *  3. its node is not barred, and the certificate is not revoked;
 *  4. its node is joined: not quarantined, not retired, not waiting for anybody.
 *
 * It does not establish where the caller is, nor in which state the machine runs: that is a join's to prove.
 */
export async function authenticateNode(
  store: Pick<StoreReader, 'findCertificate' | 'findNode'>,
  certificate: PeerCertificate | undefined,
  now: Date,
): Promise<NodeAuthentication> {
  const refuse = (
    problem: Extract<NodeAuthentication, { ok: false }>['problem'],
    reason: string,
    node?: NodeRecord,
  ): NodeAuthentication => ({ ok: false, problem, reason, node });

  if (certificate === undefined) return refuse('authentication-required', 'no certificate of the node CA');
  if (now < certificate.notBefore || now > certificate.notAfter) {
    return refuse('authentication-required', 'certificate not within its validity');
  }
  const record = await store.findCertificate(certificate.serial);
  if (record === undefined || record.fingerprint !== certificate.fingerprint) {
    return refuse('authentication-required', 'certificate not issued by this service');
  }
  const node = await store.findNode(record.nodeId);
  if (node?.state === 'barred') return refuse('node-barred', 'node barred', node);
  // A quarantine holds the node's certificates, so it is looked at first: what is wrong is the node's standing.
  if (node?.state === 'quarantined') return refuse('permission-denied', 'node quarantined', node);
  if (record.state !== 'issued') return refuse('authentication-required', `certificate ${record.state}`, node);
  if (node?.state !== 'joined') return refuse('permission-denied', `node ${node?.state ?? 'unknown'}`, node);
  return { ok: true, node };
}
