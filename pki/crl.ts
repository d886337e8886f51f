import type { Bytes } from '#core/bytes.ts';

import type { Authority } from './issue-certificate.ts';
import { IssuerError } from './issuer-error.ts';
import { lintCrl } from './lint-crl.ts';
import { wholeSecond } from './revocation.ts';
import { PLACEHOLDER_SIGNATURE, signingKey, signTbs } from './sign-certificate.ts';
import type { Signer } from './signer.ts';
import { SIGNATURE_ALGORITHM } from './x509/algorithm-writer.ts';
import type { Certificate } from './x509/certificate.ts';
import { buildSigned } from './x509/certificate-writer.ts';
import { integer, sequence, tagged, taggedPrimitive, time, unsignedInteger } from './x509/der-writer.ts';
import { authorityKeyIdentifier, extension } from './x509/extension-writer.ts';
import { keyIdentifier } from './x509/key-identifier.ts';
import { EXTENSION } from './x509/oids.ts';

/** Where a CRL stands in the series of its issuer. */
export interface CrlPlace {
  /** 0 to 2^159 − 1. */
  readonly number: bigint;
  readonly thisUpdate: Date;
}

export interface CrlPlan extends CrlPlace {
  /** At most ten days after thisUpdate. */
  readonly nextUpdate: Date;
  /** DER of the entries, from `encodeCrlEntry` or `encodeCrlEntries`; each piece holds any number of them. Together under 16 MiB. */
  readonly entries: readonly Bytes[];
  /** The CRL that was published last; undefined for the first. */
  readonly previous: CrlPlace | undefined;
  /** The one URI it is published at, where the list is to say so (RFC 5280 §5.2.5). */
  readonly distributionPoint?: string | undefined;
}

/**
 * A full CRL over `entries`, signed by `authority`. On resolution its number is above the previous one's and its thisUpdate not before it, it has been linted
 * before it was signed, and the signature verifies. That no revoked certificate is missing from `entries` is for the caller.
 * Throws RangeError when the place in the series does not rise, IssuerError `lint` when the list breaks a rule.
 */
export async function issueCrl(plan: CrlPlan, authority: Authority): Promise<Bytes> {
  return signCrl(await prepareCrl(plan, authority.certificate), authority.signer);
}

/** The part of a CRL that is signed, as `issueCrl` would have it, linted: for a thread that has no key. Throws as `issueCrl` does. */
export async function prepareCrl(plan: CrlPlan, issuer: Certificate): Promise<Bytes> {
  assertRises(plan, plan.previous);
  const tbs = encodeTbs(plan, issuer);
  const placeholder = buildSigned(tbs, SIGNATURE_ALGORITHM.ecdsaSha256, PLACEHOLDER_SIGNATURE);
  const findings = await lintCrl(placeholder, { issuer, profile: true });
  if (findings.length > 0) throw new IssuerError('lint', 'refused to sign the CRL', findings);
  return tbs;
}

/** The CRL over what `prepareCrl` made. On resolution the signature verifies under the signer's public key. */
export const signCrl = (tbs: Bytes, signer: Signer): Promise<Bytes> => signTbs(tbs, signingKey(signer));

/** An older list must not take the place of a newer one, whatever order they are signed in. */
function assertRises({ number, thisUpdate }: CrlPlace, previous: CrlPlace | undefined): void {
  if (number < 0n || number >= 1n << 159n) throw new RangeError('CRL number must be from 0 to 2^159 - 1');
  if (previous === undefined) return;
  if (number <= previous.number) throw new RangeError('CRL number must be above the one before');
  if (wholeSecond(thisUpdate) < wholeSecond(previous.thisUpdate)) {
    throw new RangeError('thisUpdate must not be before the one before');
  }
}

function encodeTbs(plan: CrlPlan, certificate: Certificate): Bytes {
  // Not concatBytes: a hundred thousand arguments do not fit on the stack.
  const revoked = Buffer.concat(plan.entries);
  const identifier = certificate.extensions.subjectKeyIdentifier ?? keyIdentifier(certificate.publicKey);
  const extensions = [
    authorityKeyIdentifier(identifier),
    extension(EXTENSION.crlNumber, false, unsignedInteger(bigintBytes(plan.number))),
    ...(plan.distributionPoint === undefined ? [] : [issuingDistributionPoint(plan.distributionPoint)]),
  ];
  return sequence(
    integer(1),
    SIGNATURE_ALGORITHM.ecdsaSha256,
    certificate.subject.raw,
    time(wholeSecond(plan.thisUpdate)),
    time(wholeSecond(plan.nextUpdate)),
    // Absent when there are none (RFC 5280 §5.1.2.6).
    ...(revoked.byteLength === 0 ? [] : [sequence(revoked)]),
    tagged(0, sequence(...extensions)),
  );
}

/** Critical (RFC 5280 §5.2.5): all reasons, all kinds of certificate, published at `uri`. */
function issuingDistributionPoint(uri: string): Bytes {
  const fullName = tagged(0, taggedPrimitive(6, Buffer.from(uri, 'latin1')));
  return extension(EXTENSION.issuingDistributionPoint, true, sequence(tagged(0, fullName)));
}

function bigintBytes(value: bigint): Bytes {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}
