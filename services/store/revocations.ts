import type { AuditEvent } from '#core/audit-record.ts';
import type { CertificateFingerprint, NodeName, Serial } from '#core/ids.ts';
import type { CertificateState } from '#core/issuance.ts';
import type { ListedReason, RevocationReason } from '#core/revocation-reason.ts';

import type { CertificateRecord } from './store.ts';

/** One change to the list: a certificate put on it, or (`removeFromCRL`) a hold that ended. */
export interface RevocationRecord {
  readonly serial: Serial;
  readonly notAfter: Date;
  readonly reason: ListedReason | 'removeFromCRL';
  /** A hold that became a revocation keeps the time of the hold: the certificate was not good since then. */
  readonly revokedAt: Date;
  /** The sequence of the audit record that tells of it. One record may tell of several certificates. */
  readonly change: number;
}

/** A place in the order of changes: by `change`, then by serial. */
export type RevocationPlace = Pick<RevocationRecord, 'change' | 'serial'>;

/** Of an issuer's list: what is on record of the last one that was served. */
export interface PublishedCrl {
  readonly thisUpdate: Date;
  /** It held every change up to this one. */
  readonly through: number;
}

/** Certificates to be revoked for good, each with its event. */
export interface CertificatesRevocation {
  readonly at: Date;
  readonly reason: RevocationReason;
  readonly certificates: readonly { readonly serial: Serial; readonly event: AuditEvent }[];
}

export interface RefusedRevocation {
  readonly index: number;
  readonly why: 'unknown' | 'revoked' | 'expired';
}

export type RevokeOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly refused: readonly RefusedRevocation[] };

export interface CertificateFilter {
  readonly nodeName?: NodeName | undefined;
  readonly state?: CertificateState | undefined;
}

export interface RevocationReader {
  findCertificateByFingerprint(fingerprint: CertificateFingerprint): Promise<CertificateRecord | undefined>;
  /** What the list says of a certificate; undefined where it does not stand on it, a hold that ended included. */
  findRevocation(serial: Serial): Promise<RevocationRecord | undefined>;
  /** Certificates in order of serial, after `after`, at most `limit`. */
  pageCertificates(
    filter: CertificateFilter,
    page: { after?: Serial | undefined; limit: number },
  ): Promise<readonly CertificateRecord[]>;
  /** The newest change to the list; 0 before the first. */
  newestRevocationChange(): Promise<number>;
  /**
   * Changes after `after`, in order, at most `limit`. What stood in a published list past its expiry is left out. A certificate is told of
   * once, as it stands now.
   */
  listRevocations(after: RevocationPlace | undefined, limit: number): Promise<readonly RevocationRecord[]>;
  /** Undefined: none of this issuer's was published. */
  publishedCrl(issuerKeyId: string): Promise<PublishedCrl | undefined>;
}

export interface RevocationWriter {
  /** All of them or none, each with its event. A certificate on hold is revoked for good by it. */
  revokeCertificates(revocation: CertificatesRevocation): Promise<RevokeOutcome>;
  /**
   * The number of the issuer's next list: above every number it was given before, and not below `at` in milliseconds since 1970, so that a
   * store that was put back from a backup gives none twice.
   */
  takeCrlNumber(issuerKeyId: string, at: Date): Promise<number>;
}
