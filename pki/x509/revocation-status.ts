export type RevocationDenialCode =
  | 'revoked'
  /** No CRL that is current, signed by the right issuer and covers every reason was among those given. */
  | 'revocation-unknown'
  /** Delta or indirect CRLs would be needed to know. */
  | 'revocation-unsupported';
