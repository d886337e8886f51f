/**
 * Why a certificate is on the revocation list, with its CRLReason (RFC 5280 §5.3.1). Left out: aACompromise, because there are no attribute
 * certificates, and removeFromCRL, which a full list never says.
 */
export const LISTED_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
} as const;

/** A reason that stands on the list. `certificateHold` is the only one that can end. */
export type ListedReason = keyof typeof LISTED_REASONS;

/** A reason that a certificate is revoked for, for good. */
export type RevocationReason = Exclude<ListedReason, 'certificateHold'>;

/** True for a reason that may stand on the list. */
export const isListedReason = (text: string): text is ListedReason => Object.hasOwn(LISTED_REASONS, text);

/** True for a reason that a certificate is revoked for, for good. */
export const isRevocationReason = (text: string): text is RevocationReason =>
  isListedReason(text) && text !== 'certificateHold';
