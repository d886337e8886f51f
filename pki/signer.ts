import type { Bytes } from '#core/bytes.ts';

/** A CA's private key as a capability: it signs, and cannot be read. In a sealed file, or in another process or device. */
export interface Signer {
  /** DER SubjectPublicKeyInfo: P-256, named curve, uncompressed point. */
  readonly spki: Bytes;
  /**
   * A DER ECDSA-Sig-Value (RFC 3279 §2.2.3) over SHA-256(`tbs`). Rejects when the key cannot be used.
   * That the answer verifies is for the caller to establish: the key may be behind a network.
   */
  sign(tbs: Bytes): Promise<Bytes>;
}
