import { certificateFingerprint, type CertificateFingerprint } from '#core/ids.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { CHAIN_KEYS, keyDenial } from '#pki/x509/key-policy.ts';
import { parsePublicKey } from '#pki/x509/public-key.ts';
import { CHAIN_SIGNATURES } from '#pki/x509/signature-policy.ts';
import { signatureAlgorithm } from '#pki/x509/signature-scheme.ts';
import { weakRsa } from '#pki/x509/weak-rsa.ts';

import { renderName } from './distinguished-name.ts';

/** An authority that certifies EKs, as a person should see it. */
export interface Endorser {
  readonly subject: string;
  readonly issuer: string;
  readonly fingerprint: CertificateFingerprint;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** What is wrong with it, each in a sentence; empty for a good one. */
  readonly faults: readonly string[];
  /** What will be, or is out of the ordinary and harms nothing. */
  readonly warnings: readonly string[];
}

/** A root that ends within this time should be looked at. */
const SOON_MS = 180 * 86_400_000;

/** What `certificate`, an anchor, says of itself, and what is weak about it at `now`. Who made it is not established: it is trusted because it is named. */
export function describeEndorser(certificate: Certificate, now: Date): Endorser {
  const { notBefore, notAfter } = certificate;
  const faults = [...keyFaults(certificate)];
  const warnings: string[] = [];
  if (now < notBefore) faults.push('it is not valid yet');
  if (now > notAfter) faults.push('it has expired: no EK certificate chains to it any more');
  else if (notAfter.getTime() - now.getTime() < SOON_MS) warnings.push('it expires within 180 days');
  if (!isBelieved(certificate))
    warnings.push('its own signature would not be accepted below another; an anchor’s is not verified');
  return {
    subject: renderName(certificate.subject),
    issuer: renderName(certificate.issuer),
    fingerprint: certificateFingerprint(certificate.der),
    notBefore,
    notAfter,
    faults,
    warnings,
  };
}

function keyFaults({ publicKey }: Certificate): readonly string[] {
  const key = parsePublicKey(publicKey);
  const refused = keyDenial(key, CHAIN_KEYS);
  if (refused !== undefined) return [`no chain through its key is accepted (${refused})`];
  const weakness = key.type === 'rsa' ? weakRsa(key.modulus) : undefined;
  return weakness === undefined ? [] : [`its key is known to be weak (${weakness})`];
}

/** Whether a chain through a certificate that is signed like this would be believed. */
function isBelieved({ signatureAlgorithm: identifier }: Certificate): boolean {
  try {
    const algorithm = signatureAlgorithm(identifier);
    return algorithm !== undefined && CHAIN_SIGNATURES.schemes.has(algorithm.scheme);
  } catch (error) {
    // Parameters that are not the algorithm's, as some makers write them.
    if (!(error instanceof X509FormatError)) throw error;
    return false;
  }
}
