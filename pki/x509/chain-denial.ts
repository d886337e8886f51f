import type { ProfileRule } from './certificate-profile.ts';
import type { NameConstraintDenialCode } from './name-constraints.ts';
import type { RevocationDenialCode } from './revocation-status.ts';
import type { SignatureDenialCode } from './signature.ts';

export type ChainDenialCode =
  /** Nobody of the issuer's name is among the intermediates and anchors. */
  | 'issuer-unknown'
  | 'path-too-long'
  /** The limit on public key operations, or on candidates looked at, was reached before a path was found. */
  | 'too-much-work'
  | 'not-yet-valid'
  | 'expired'
  | SignatureDenialCode
  | 'not-a-ca'
  | 'leaf-is-a-ca'
  | 'path-length-exceeded'
  | 'key-usage-refused'
  | 'extended-key-usage-refused'
  | 'critical-extension-unknown'
  | 'policy-mapping-invalid'
  | 'policy-refused'
  | 'authority-key-mismatch'
  | 'profile-violated'
  | NameConstraintDenialCode
  | RevocationDenialCode;

/** One reason why no path was accepted. */
export interface ChainDenial {
  readonly code: ChainDenialCode;
  /** Which certificate, counted from the leaf, which is 0. */
  readonly depth: number;
  /** OID of the extension, for `critical-extension-unknown`. */
  readonly extension?: string;
  /** For `profile-violated`. */
  readonly rule?: ProfileRule;
}
