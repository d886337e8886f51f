import { X509Certificate } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { lintParsed } from '#pki/lint.ts';
import { type Certificate, isSelfNamed, parseCertificate } from '#pki/x509/certificate.ts';

import { readCertificates } from './read-certificates.ts';
import { ConfigError } from '#services/config/strict-document.ts';

/** How a chain's dates are looked at. `began`: it may have ended, as a retired CA's may. */
export type ChainDates = 'valid' | 'began';

/**
 * DER of the chain in `file`: the issuing CA's certificate first, each issued by the next and the last by itself, all valid at `now` or begun by
 * then. Rejects with ConfigError.
 */
export async function readIssuerChain(file: string, now: Date, dates: ChainDates = 'valid'): Promise<readonly Bytes[]> {
  const { ders } = await readCertificates(file);
  const chain = ders.map((der) => new X509Certificate(der));
  chain.forEach((certificate, index) => {
    const issuer = chain[index + 1] ?? certificate;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw new ConfigError(file, [`certificate ${index + 1} was not issued by the one after it`]);
    }
    if (now < certificate.validFromDate || (dates === 'valid' && now > certificate.validToDate)) {
      throw new ConfigError(file, [`certificate ${index + 1} is not valid at ${now.toISOString()}`]);
    }
  });
  if (chain.length < 2) throw new ConfigError(file, ['the issuing CA and its root are needed']);
  return ders;
}

/**
 * The roots and cross-certificates in `file`, each of exactly the shape that its kind has. Those that have ended or not begun are left out.
 * A root is its own evidence: that this is one to trust is said by its being in the file. Rejects with ConfigError.
 */
export async function readFurtherRoots(file: string, now: Date): Promise<readonly Certificate[]> {
  const { ders } = await readCertificates(file);
  return ders
    .map((der, index) => {
      const certificate = parseCertificate(der);
      const purpose = isSelfSigned(certificate) ? 'node-root-ca' : 'node-root-cross';
      const [finding] = lintParsed(certificate, { purpose });
      if (finding !== undefined) {
        throw new ConfigError(file, [`certificate ${index + 1} is neither a node root nor a cross-certificate of one`]);
      }
      return certificate;
    })
    .filter(({ notBefore, notAfter }) => now >= notBefore && now <= notAfter);
}

/** Whether a certificate was issued by its own key. */
export function isSelfSigned(certificate: Certificate): boolean {
  if (!isSelfNamed(certificate)) return false;
  const read = new X509Certificate(certificate.der);
  return read.checkIssued(read) && read.verify(read.publicKey);
}
