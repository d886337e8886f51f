import type { Bytes } from '#core/bytes.ts';
import { type Csr, parseCsr } from '#pki/x509/csr.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';

export type ReadCsr = { readonly ok: true; readonly value: Csr } | { readonly ok: false; readonly reason: string };

/** A caller's bytes as one PKCS#10 request. Its self-signature is the issuer's to verify, before anything is prepared. */
export function readCsr(der: Bytes): ReadCsr {
  try {
    return { ok: true, value: parseCsr(der) };
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return { ok: false, reason: error.message };
  }
}
