import type { CertificatePool } from './certificate-pool.ts';
import type { Certificate } from './certificate.ts';
import type { ChainDenial } from './chain-denial.ts';
import type { ChainPolicy } from './chain-policy.ts';
import type { ChainWork } from './chain-work.ts';
import { type Crl, crlKey } from './crl.ts';
import { conformsToCrlProfile } from './crl-profile.ts';
import { coveredReasons, namesOtherCrlIssuer } from './crl-scope.ts';
import { sameName } from './name-compare.ts';
import { ALL_REASONS } from './reason-flags.ts';
import type { RevocationDenialCode } from './revocation-status.ts';

/** CRLs to judge a path by. Every certificate below the anchor must then be covered, for every reason, by current ones. */
export interface Revocation {
  readonly crls: readonly Crl[];
  /** How old thisUpdate may be. Without it a CRL is current until its nextUpdate, and one that has none is never current. */
  readonly maxAgeSeconds?: number | undefined;
}

export interface RevocationInput {
  /** Leaf first, anchor last; validated in all else. */
  readonly path: readonly Certificate[];
  /** Certificates among which the signer of a CRL may be found, besides those of the path. */
  readonly pool: CertificatePool;
  readonly now: Date;
  readonly revocation: Revocation;
  /** `rfc5280`: a CRL that no conforming issuer would have made does not count. */
  readonly profile: ChainPolicy['profile'];
  readonly work: ChainWork;
  /** Whether a path leads to the same anchor for a certificate that is not on this one, itself not revoked. */
  readonly isTrustedSigner: (signer: Certificate) => boolean;
}

/**
 * Why a certificate of the path must be taken as revoked (RFC 5280 §6.3), from the anchor down; undefined when each is on no CRL and the CRLs
 * given cover it. Delta and indirect CRLs are not processed: where they would be needed, the answer is a refusal.
 */
export function revocationDenial(input: RevocationInput): ChainDenial | undefined {
  for (let depth = input.path.length - 2; depth >= 0; depth -= 1) {
    const certificate = input.path[depth];
    const code = certificate && certificateStatus(certificate, input.path.slice(depth + 1), input);
    if (code !== undefined && code !== 'good') return { code, depth };
  }
  return undefined;
}

function certificateStatus(
  certificate: Certificate,
  above: readonly Certificate[],
  input: RevocationInput,
): 'good' | RevocationDenialCode {
  if (certificate.extensions.freshestCrl !== undefined || namesOtherCrlIssuer(certificate)) {
    return 'revocation-unsupported';
  }
  const covered = new Set<number>();
  let status: RevocationDenialCode = 'revocation-unknown';
  for (const crl of input.revocation.crls) {
    if (!sameName(crl.issuer, certificate.issuer)) continue;
    const reasons = coveredReasons(crl, certificate);
    if (reasons.size === 0) continue;
    if (isUnsupported(crl)) {
      status = 'revocation-unsupported';
      continue;
    }
    if (input.profile === 'rfc5280' && !conformsToCrlProfile(crl)) continue;
    if (!isCurrent(crl, input) || !isProperlySigned(crl, above, input)) continue;
    if (crl.entries.has(crlKey(certificate.serial))) return 'revoked';
    for (const reason of reasons) covered.add(reason);
  }
  return covered.size === ALL_REASONS.size && status !== 'revocation-unsupported' ? 'good' : status;
}

const isUnsupported = (crl: Crl): boolean =>
  crl.unknownCritical !== undefined ||
  crl.extensions.isDelta ||
  crl.extensions.hasFreshestCrl ||
  crl.extensions.issuingDistributionPoint?.isIndirect === true;

function isCurrent(crl: Crl, { now, revocation }: RevocationInput): boolean {
  const ageMs = now.getTime() - crl.thisUpdate.getTime();
  const { maxAgeSeconds } = revocation;
  // Written so that an invalid date makes nothing current.
  const isInTime = crl.nextUpdate === undefined ? maxAgeSeconds !== undefined : now <= crl.nextUpdate;
  return ageMs >= 0 && isInTime && (maxAgeSeconds === undefined || ageMs <= maxAgeSeconds * 1000);
}

/** RFC 5280 §6.3.3 (f), (g): a certificate of the issuer's name, good for signing CRLs and trusted under the same anchor, holds the key. */
function isProperlySigned(crl: Crl, above: readonly Certificate[], input: RevocationInput): boolean {
  const onPath = above.filter((certificate) => sameName(certificate.subject, crl.issuer));
  const others = input.pool.named(crl.issuer).filter((certificate) => !onPath.includes(certificate));
  const signs = (signer: Certificate): boolean => {
    const { keyUsage } = signer.extensions;
    if (keyUsage !== undefined && !keyUsage.has('cRLSign')) return false;
    const verdict = input.work.verify(crl, signer);
    return verdict !== 'exhausted' && verdict.ok;
  };
  return onPath.some(signs) || others.some((signer) => signs(signer) && input.isTrustedSigner(signer));
}
