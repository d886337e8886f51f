import type { Clock } from '#core/clock.ts';
import { isCertificateFingerprint, isSerial } from '#core/ids.ts';
import { nodeRevocationReason } from '#protocol/revocation.ts';
import { certificateRevoked } from '#services/audit/node-life-events.ts';
import type { CertificateRecord, Store } from '#services/store/store.ts';

import { type Asker, type Refused, refuseReason } from './change-nodes.ts';

export interface RevokeCertificateDeps {
  readonly now: Clock;
  readonly store: Pick<Store, 'findCertificate' | 'findCertificateByFingerprint' | 'revokeCertificates'>;
}

/** The certificate of this serial number or fingerprint. */
export async function findCertificateBy(
  store: RevokeCertificateDeps['store'],
  id: string,
): Promise<CertificateRecord | undefined> {
  if (isCertificateFingerprint(id)) return store.findCertificateByFingerprint(id);
  return isSerial(id) ? store.findCertificate(id) : undefined;
}

/**
 * Revokes one certificate for good. On `ok` it is on the list with its audit record, durable. Its node's state is as it was: it may attest again and
 * get another.
 */
export async function revokeCertificate(
  { now, store }: RevokeCertificateDeps,
  request: { readonly certificate: string; readonly reason: string; readonly text?: string | undefined },
  asker: Asker,
): Promise<{ readonly ok: true; readonly certificate: CertificateRecord } | Refused> {
  const reason = nodeRevocationReason(request.reason);
  if (reason === undefined) return refuseReason();
  const certificate = await findCertificateBy(store, request.certificate);
  if (certificate === undefined) {
    return { ok: false, problem: 'not-found', detail: 'no certificate of that serial number or fingerprint' };
  }
  const { serial, nodeName } = certificate;
  const { name: by, ...where } = asker;
  const at = now();
  const event = certificateRevoked({ ...where, at }, by, { nodeName, serial, reason, text: request.text });
  const outcome = await store.revokeCertificates({ at, reason, certificates: [{ serial, event }] });
  if (outcome.ok) return { ok: true, certificate: { ...certificate, state: 'revoked' } };
  const why = outcome.refused[0]?.why === 'expired' ? 'it has expired' : 'it is revoked already';
  return { ok: false, problem: 'state-conflict', detail: why };
}
