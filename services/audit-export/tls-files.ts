/** Whom a destination trusts, and what it shows of itself; PEM. */
export interface TlsFiles {
  /** The only authorities that the receiver's certificate may come from. */
  readonly ca: string;
  /** Undefined: no client certificate. */
  readonly identity: { readonly certificate: string; readonly key: string } | undefined;
}

/** Reads them anew, so that a renewed certificate needs no restart. Rejects where one cannot be used. */
export type ReadTlsFiles = () => Promise<TlsFiles>;
