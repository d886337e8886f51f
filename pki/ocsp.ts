import { type Bytes, equalBytes } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import type { Serial } from '#core/ids.ts';
import { LISTED_REASONS } from '#core/revocation-reason.ts';

import type { Authority } from './issue-certificate.ts';
import { OCSP_NONCE, type OcspCertId, type OcspRequest, parseOcspRequest } from './ocsp-request.ts';
import { type Revocation, wholeSecond } from './revocation.ts';
import { type SigningKey, signingKey, signTbs } from './sign-certificate.ts';
import type { Certificate } from './x509/certificate.ts';
import { contextPrimitive, TAG } from './x509/der-tags.ts';
import { element, generalizedTime, octetString, oid, sequence, tagged } from './x509/der-writer.ts';
import { extension } from './x509/extension-writer.ts';
import { X509FormatError } from './x509/format-error.ts';

/** What is known of a serial. `unknown`: this CA never issued it. */
export type OcspStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revokedAt: Date; readonly reason: Revocation['reason'] }
  | { readonly status: 'unknown' };

export interface OcspResponder {
  /**
   * The DER answer to the request `der`, valid from `now`'s second. A request that is malformed, or that asks about another issuer's
   * certificates, gets an unsigned refusal. Rejects as `statusOf` and the signer do: answer those with OCSP_TRY_LATER.
   */
  answer(der: Bytes, now: Date): Promise<Bytes>;
}

export interface OcspResponderDeps {
  /** The CA whose certificates are asked about. It signs the answers itself: no other certificate is needed below it. */
  readonly authority: Authority;
  readonly statusOf: (serial: Serial) => Promise<OcspStatus>;
  /** Seconds from thisUpdate to nextUpdate, 60 to 864,000. */
  readonly validSeconds: number;
}

/** OCSPResponseStatus (RFC 6960 §4.2.1) of the refusals given here. */
const MALFORMED_REQUEST = 1;
const TRY_LATER = 3;
const UNAUTHORIZED = 6;
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';

const refusal = (status: number): Bytes => sequence(element(TAG.enumerated, Buffer.of(status)));
const SUCCESSFUL = element(TAG.enumerated, Buffer.of(0));

/** The unsigned answer to a question about another issuer's certificates. */
export const OCSP_UNAUTHORIZED: Bytes = refusal(UNAUTHORIZED);

/** The unsigned answer while the service cannot say anything. */
export const OCSP_TRY_LATER: Bytes = refusal(TRY_LATER);

/** A responder for the certificates of one CA (RFC 6960). Throws RangeError on a validity outside its bounds. */
export function createOcspResponder({ authority, statusOf, validSeconds }: OcspResponderDeps): OcspResponder {
  if (!(validSeconds >= 60 && validSeconds <= 864_000)) throw new RangeError('answers are valid for 60 s to 10 days');
  const key: SigningKey = signingKey(authority.signer);
  const { certificate } = authority;
  const responderId = tagged(2, octetString(digest('sha1', certificate.publicKey.key)));

  async function sign({ certIds, nonce }: OcspRequest, now: Date): Promise<Bytes> {
    const thisUpdate = wholeSecond(now);
    const nextUpdate = new Date(thisUpdate.getTime() + Math.floor(validSeconds) * 1_000);
    const singles: Bytes[] = [];
    for (const { raw, serial } of certIds) {
      const status = serial === undefined ? UNKNOWN : await statusOf(serial);
      const times = [generalizedTime(thisUpdate), tagged(0, generalizedTime(nextUpdate))];
      singles.push(sequence(raw, encodeStatus(status), ...times));
    }
    const extensions =
      nonce === undefined ? [] : [tagged(1, sequence(extension(OCSP_NONCE, false, octetString(nonce))))];
    // producedAt is thisUpdate: what is said is what was known when it was signed.
    const data = sequence(responderId, generalizedTime(thisUpdate), sequence(...singles), ...extensions);
    const basic = await signTbs(data, key);
    return sequence(SUCCESSFUL, tagged(0, sequence(oid(BASIC_RESPONSE), octetString(basic))));
  }

  async function answer(der: Bytes, now: Date): Promise<Bytes> {
    let request: OcspRequest;
    try {
      request = parseOcspRequest(der);
    } catch (error) {
      if (error instanceof X509FormatError) return refusal(MALFORMED_REQUEST);
      throw error;
    }
    if (!request.certIds.every((certId) => isIssuedBy(certId, certificate))) return OCSP_UNAUTHORIZED;
    return sign(request, now);
  }

  return Object.freeze({ answer });
}

const UNKNOWN: OcspStatus = { status: 'unknown' };

/** RFC 6960 §4.1.1: hashes of the issuer's name, and of its key's bits. */
function isIssuedBy(certId: OcspCertId, issuer: Certificate): boolean {
  const { hash, issuerNameHash, issuerKeyHash } = certId;
  if (hash === undefined) return false;
  const matches = (found: Bytes, of: Bytes, by: HashName): boolean => equalBytes(found, digest(by, of));
  return matches(issuerNameHash, issuer.subject.raw, hash) && matches(issuerKeyHash, issuer.publicKey.key, hash);
}

/** CertStatus (RFC 6960 §4.2.1). An unspecified reason is said by saying nothing, as in a CRL. */
function encodeStatus(status: OcspStatus): Bytes {
  switch (status.status) {
    case 'good':
      return element(contextPrimitive(0));
    case 'unknown':
      return element(contextPrimitive(2));
    case 'revoked': {
      const code = LISTED_REASONS[status.reason];
      const reason = code === 0 ? [] : [tagged(0, element(TAG.enumerated, Buffer.of(code)))];
      return tagged(1, generalizedTime(wholeSecond(status.revokedAt)), ...reason);
    }
  }
}
