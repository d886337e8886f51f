import { createPublicKey, type KeyObject } from 'node:crypto';

import { type Bytes, equalBytes } from '#core/bytes.ts';

/** A security key that an administrator registered: its public half, as the list of administrators has it. */
export interface SecurityKey {
  /** For people. */
  readonly name: string;
  /** Base64url. */
  readonly credentialId: string;
  /** P-256 (ES256) or Ed25519 (EdDSA). */
  readonly publicKey: KeyObject;
}

/**
 * The key in a SubjectPublicKeyInfo in DER: P-256 or Ed25519, in its one encoding, with nothing behind it. Undefined for anything else.
 */
export function readSecurityKeySpki(der: Bytes): KeyObject | undefined {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isKnown = type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1');
  return isKnown && equalBytes(key.export({ format: 'der', type: 'spki' }), der) ? key : undefined;
}
