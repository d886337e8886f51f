import type { Bytes } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';

/** SHA-256 of a certificate's to-be-signed part, by which dbx may revoke it; undefined if `der` does not have one in DER. */
export function toBeSignedDigest(der: Bytes): Bytes | undefined {
  try {
    return sha256(new DerReader(der, 'Certificate').sequence().element().raw);
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}
