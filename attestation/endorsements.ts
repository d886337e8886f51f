import { certificateFingerprint, type CertificateFingerprint } from '#core/ids.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { issuerDenial } from '#pki/x509/certificate-checks.ts';
import { CertificatePool } from '#pki/x509/certificate-pool.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { renderName } from './distinguished-name.ts';
import { IssuerMemory } from './issuer-memory.ts';

/** Certificate authorities that are trusted to certify EKs, because someone configured them: without any, nobody is. */
export interface Anchors {
  readonly pool: CertificatePool;
  /** Of every certificate in the pool. */
  readonly fingerprints: readonly CertificateFingerprint[];
  /** Of every certificate in the pool, RFC 4514. */
  readonly subjects: ReadonlySet<string>;
  /** Those below them that certified EKs. */
  readonly issuers: IssuerMemory;
}

/** The most certificates in one PEM file. */
const MAX_ANCHORS = 512;

/**
 * The certificates of a PEM bundle as anchors; text around the blocks, which makers' bundles have, is passed over. Every block is a CA's
 * certificate, in DER or with the departures from it that TPM makers are known for (`Dialect`). Throws X509FormatError on a block that is not,
 * on an unfinished one, and if there is none: an anchor is never left out silently.
 *
 * Signatures of anchors are not verified, and dates only where a chain uses one.
 */
export function parseAnchors(pem: string): readonly Certificate[] {
  return parsePemOf('CERTIFICATE', withoutText(pem), MAX_ANCHORS).map((der) => {
    const certificate = parseCertificate(der, { dialect: 'tpm-maker' });
    if (issuerDenial(certificate) !== undefined) throw new X509FormatError('bad-value', 0, 'anchor that is not a CA');
    return certificate;
  });
}

/** `certificates` as anchors, each once. */
export function anchorsOf(certificates: readonly Certificate[]): Anchors {
  const byFingerprint = new Map(certificates.map((anchor) => [certificateFingerprint(anchor.der), anchor]));
  return {
    pool: new CertificatePool(byFingerprint.values()),
    fingerprints: [...byFingerprint.keys()],
    subjects: new Set([...byFingerprint.values()].map(({ subject }) => renderName(subject))),
    issuers: new IssuerMemory(),
  };
}

/** The lines of the PEM blocks alone. */
function withoutText(pem: string): string {
  let isInside = false;
  const lines = pem.split(/\r?\n/).filter((line) => {
    const begins = line.startsWith('-----BEGIN ');
    const keep = isInside || begins || line.startsWith('-----');
    if (begins) isInside = true;
    if (line.startsWith('-----END ')) isInside = false;
    return keep;
  });
  return `${lines.join('\n')}\n`;
}
