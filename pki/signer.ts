import type { Bytes } from '#core/bytes.ts';

/** A CA's private key as a capability: it signs, and cannot be read. In a sealed file, or in another process or device. */
export interface Signer {
  /** DER SubjectPublicKeyInfo: P-256, named curve, uncompressed point. */
  readonly spki: Bytes;
  /**
   * A DER ECDSA-Sig-Value (RFC 3279 §2.2.3) over SHA-256(`tbs`). Rejects when the key cannot be used, with a DependencyError where it is
   * not in this process. That the answer verifies is for the caller to establish: the key may be behind a network.
   */
  sign(tbs: Bytes): Promise<Bytes>;
}

/** A signer that may be away. Disposing of it gives back what it holds, a session or a device. */
export interface ManagedSigner extends Signer, AsyncDisposable {
  /** Resolves when the key can be used now. Rejects with a DependencyError that says why not and what to do. */
  probe(): Promise<void>;
}
