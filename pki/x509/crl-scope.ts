import type { Certificate } from './certificate.ts';
import type { Crl } from './crl.ts';
import type { DistributionPoint, DistributionPointName } from './distribution-point.ts';
import type { GeneralName } from './general-name.ts';
import { nameKey, relativeNameKeys } from './name-compare.ts';
import type { Name } from './name.ts';
import { ALL_REASONS, type RevocationReasons } from './reason-flags.ts';

/**
 * The reasons for which `crl` speaks about `certificate` (RFC 5280 §6.3.3 (b), (d)): none when the list covers other certificates, or is named
 * otherwise than the certificate's distribution points; all when nothing limits it. The list's issuer is taken to be the certificate's.
 */
export function coveredReasons(crl: Crl, certificate: Certificate): RevocationReasons {
  const idp = crl.extensions.issuingDistributionPoint;
  if (!coversKind(crl, certificate)) return new Set();
  const covered = new Set<number>();
  for (const point of distributionPoints(certificate)) {
    if (idp?.name !== undefined && !namesMeet(idp.name, crl.issuer, point, certificate.issuer)) continue;
    for (const reason of point.reasons ?? ALL_REASONS) {
      if (ALL_REASONS.has(reason) && (idp?.reasons ?? ALL_REASONS).has(reason)) covered.add(reason);
    }
  }
  return covered;
}

/** True when the certificate says that another than its issuer signs its CRL. */
export const namesOtherCrlIssuer = (certificate: Certificate): boolean =>
  certificate.extensions.crlDistributionPoints?.some((point) => point.crlIssuer !== undefined) === true;

/** A certificate without version 3 cannot say whether it is a CA's, so that a list for one kind alone does not speak about it. */
function coversKind(crl: Crl, certificate: Certificate): boolean {
  if (certificate.version !== 3) return crl.extensions.issuingDistributionPoint?.only === undefined;
  const isCa = certificate.extensions.basicConstraints?.ca === true;
  switch (crl.extensions.issuingDistributionPoint?.only) {
    case undefined:
      return true;
    case 'user-certificates':
      return !isCa;
    case 'ca-certificates':
      return isCa;
    case 'attribute-certificates':
      return false;
  }
}

/** Those of the certificate, and the one that RFC 5280 §6.3.3 assumes: the issuer's own name, every reason. */
function distributionPoints(certificate: Certificate): readonly DistributionPoint[] {
  const assumed: GeneralName = { kind: 'directoryName', name: certificate.issuer };
  return [
    ...(certificate.extensions.crlDistributionPoints ?? []),
    { name: { kind: 'fullName', names: [assumed] }, reasons: undefined, crlIssuer: undefined },
  ];
}

function namesMeet(name: DistributionPointName, crlIssuer: Name, point: DistributionPoint, issuer: Name): boolean {
  if (point.name === undefined) return false;
  const keys = new Set(pointKeys(name, crlIssuer));
  return pointKeys(point.name, issuer).some((key) => keys.has(key));
}

/** Every name of a distribution point as a string; one relative to the issuer is written out (RFC 5280 §4.2.1.13). */
function pointKeys(name: DistributionPointName, issuer: Name): readonly string[] {
  if (name.kind === 'fullName') return name.names.flatMap(generalNameKey);
  const rdns = [...issuer.rdns, name.relativeName];
  return [`directoryName:${relativeNameKeys({ raw: issuer.raw, rdns }).join('\n')}`];
}

/** Forms other than URI and directory name do not name a CRL that is looked for here. */
function generalNameKey(name: GeneralName): readonly string[] {
  if (name.kind === 'uniformResourceIdentifier') return [`uri:${name.text}`];
  return name.kind === 'directoryName' ? [`directoryName:${nameKey(name.name)}`] : [];
}
