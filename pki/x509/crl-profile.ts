import type { Crl } from './crl.ts';
import { EXTENSION } from './oids.ts';

/**
 * True when `crl` meets RFC 5280 §5's demands on conforming CRL issuers: version 2 (§5.1.2.1), a nextUpdate (§5.1.2.5), the key identifier of its
 * authority (§5.2.1), an uncritical CRL number (§5.2.3), and where there is a scope, a critical one (§5.2.5).
 */
export function conformsToCrlProfile({ version, nextUpdate, extensions }: Crl): boolean {
  const isCritical = (oid: string): boolean => extensions.all.get(oid)?.critical === true;
  return (
    version === 2 &&
    nextUpdate !== undefined &&
    extensions.authorityKeyIdentifier?.keyIdentifier !== undefined &&
    !isCritical(EXTENSION.authorityKeyIdentifier) &&
    extensions.crlNumber !== undefined &&
    !isCritical(EXTENSION.crlNumber) &&
    (extensions.issuingDistributionPoint === undefined || isCritical(EXTENSION.issuingDistributionPoint))
  );
}
