import { type Bytes, concatBytes, utf8 } from './bytes.ts';
import { sha256 } from './digest.ts';

/** What one quote is bound to (docs/join-protocol.md §2). */
export interface Binding {
  /** The service's configured identity; each side takes it from its own configuration. */
  readonly audience: string;
  /** 32 bytes, from the challenge. */
  readonly nonce: Bytes;
  readonly nodeName: string;
  /** DER SubjectPublicKeyInfo of the key that the certificate will carry. */
  readonly spki: Bytes;
}

const DOMAIN = utf8('muster-join-v1\0');

/** The 32 bytes that the quote carries as extraData, and an EAT as eat_nonce: this service, challenge, name and key. */
export function qualifyingData(binding: Binding): Bytes {
  const { audience, nonce, nodeName, spki } = binding;
  if (nonce.byteLength !== 32) throw new RangeError('nonce must be 32 bytes');
  return sha256(concatBytes(DOMAIN, sha256(utf8(audience)), nonce, sha256(utf8(nodeName)), sha256(spki)));
}
