import type { Certificate } from './certificate.ts';
import { isKnownExtension } from './certificate-extensions.ts';
import { profileViolation } from './certificate-profile.ts';
import type { ChainDenial, ChainDenialCode } from './chain-denial.ts';
import type { ChainPolicy } from './chain-policy.ts';
import { X509FormatError } from './format-error.ts';
import { keyDenial } from './key-policy.ts';
import { EXTENSION } from './oids.ts';
import { parsePublicKey } from './public-key.ts';
import { type Purpose, purposeAllowed } from './purpose.ts';

/** Types of policy qualifier that RFC 5280 §4.2.1.4 defines: CPS pointer and user notice. */
const KNOWN_QUALIFIERS: ReadonlySet<string> = new Set(['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']);

/** Why `certificate` is not valid at `now`; both its dates are inclusive. At an invalid date nothing is valid. */
export function validityDenial(certificate: Certificate, now: Date): 'not-yet-valid' | 'expired' | undefined {
  const isBegun = now.getTime() >= certificate.notBefore.getTime();
  if (!isBegun) return 'not-yet-valid';
  return now.getTime() < certificate.notAfter.getTime() + 1000 ? undefined : 'expired';
}

/** Why `certificate` may not have issued another (RFC 5280 §6.1.4 (k), (n)); what it may issue is not looked at. */
export function issuerDenial({ extensions }: Certificate): 'not-a-ca' | 'key-usage-refused' | undefined {
  if (extensions.basicConstraints?.ca !== true) return 'not-a-ca';
  const { keyUsage } = extensions;
  return keyUsage === undefined || keyUsage.has('keyCertSign') ? undefined : 'key-usage-refused';
}

/** Why the leaf does not serve `purpose`. */
export function leafDenial({ extensions }: Certificate, purpose: Purpose): ChainDenialCode | undefined {
  const { basicConstraints, keyUsage, extendedKeyUsage } = extensions;
  if (basicConstraints?.ca === true && !purpose.leafMayBeCa) return 'leaf-is-a-ca';
  if (!purposeAllowed(extendedKeyUsage, purpose.keyPurpose, purpose.leaf)) return 'extended-key-usage-refused';
  if ([...purpose.incompatible].some((other) => extendedKeyUsage?.has(other) === true))
    return 'extended-key-usage-refused';
  if (keyUsage === undefined || purpose.keyUsage.length === 0) return undefined;
  return purpose.keyUsage.some((usage) => keyUsage.has(usage)) ? undefined : 'key-usage-refused';
}

/**
 * What is wrong with one certificate of a path wherever it stands (depth 0 is the leaf): a critical extension nobody processes, a key that the
 * policy refuses, and under the `rfc5280` profile a breach of §4.
 */
export function certificateDenial(
  certificate: Certificate,
  depth: number,
  policy: ChainPolicy,
): ChainDenial | undefined {
  const extension = unknownCriticalExtension(certificate, policy.handledExtensions);
  if (extension !== undefined) return { code: 'critical-extension-unknown', depth, extension };
  const code = publicKeyDenial(certificate, policy);
  if (code !== undefined) return { code, depth };
  if (policy.profile === 'path') return undefined;
  const rule = profileViolation(certificate, depth > 0);
  return rule === undefined ? undefined : { code: 'profile-violated', depth, rule };
}

function unknownCriticalExtension({ extensions }: Certificate, handled: ReadonlySet<string>): string | undefined {
  for (const { oid, critical } of extensions.all.values()) {
    if (critical && !isKnownExtension(oid) && !handled.has(oid)) return oid;
  }
  // RFC 5280 §4.2.1.4: a critical policies extension has to be understood, qualifiers included.
  const policies = EXTENSION.certificatePolicies;
  if (extensions.all.get(policies)?.critical !== true) return undefined;
  const areKnown = extensions.certificatePolicies?.every(({ qualifiers }) =>
    qualifiers.every((type) => KNOWN_QUALIFIERS.has(type)),
  );
  return areKnown === true ? undefined : policies;
}

function publicKeyDenial(certificate: Certificate, policy: ChainPolicy): ChainDenialCode | undefined {
  try {
    return keyDenial(parsePublicKey(certificate.publicKey), policy.signatures.keys);
  } catch (error) {
    if (error instanceof X509FormatError) return 'key-malformed';
    throw error;
  }
}
