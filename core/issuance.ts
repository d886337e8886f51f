import type { Bytes } from './bytes.ts';
import type { CertificateFingerprint, NodeId, NodeName, RequestId, Serial, SpkiFingerprint } from './ids.ts';

/** What is about to be signed: durable before the key is used, so that no certificate can exist without a record. */
export interface IssuanceIntent {
  readonly serial: Serial;
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly requestId: RequestId;
  readonly spkiFingerprint: SpkiFingerprint;
  /** SHA-256 of the to-be-signed bytes, lower-case hex. */
  readonly tbsDigest: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A certificate that was signed, re-parsed and found to be what was prepared. */
export interface IssuedCertificate {
  readonly serial: Serial;
  readonly fingerprint: CertificateFingerprint;
  readonly der: Bytes;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Where a recorded serial stands. `signing` is an intent without its certificate yet; `orphaned` one whose process died. */
export type CertificateState = 'signing' | 'issued' | 'orphaned' | 'revoked';
