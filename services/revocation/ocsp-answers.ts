import type { Bytes } from '#core/bytes.ts';
import { equalBytes } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { Serial } from '#core/ids.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { createOcspResponder, OCSP_TRY_LATER, OCSP_UNAUTHORIZED, type OcspStatus } from '#pki/ocsp.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import type { StoreReader } from '#services/store/store.ts';

/** Seconds that an answer is good for: a relying party that keeps it learns of a revocation at most this much later. */
export const OCSP_VALID_SECONDS = 300;
/** Answers under way at one time; more are told to try later. Each is a signature and a look at one row. */
const UNDER_WAY_MAX = 64;

export interface OcspAnswersDeps {
  /** The CAs whose certificates may be asked about; each signs the answers about its own. */
  readonly authorities: readonly Authority[];
  readonly store: Pick<StoreReader, 'findCertificate' | 'findRevocation'>;
  readonly now: Clock;
  readonly onFault: (error: unknown) => void;
  /** Told of each answer. */
  readonly onAnswer?: ((answer: OcspAnswer) => void) | undefined;
}

/** What kind of answer it was: signed, or one of those that nobody signs (RFC 6960 §4.2.1). */
export type OcspAnswer = 'signed' | 'unauthorized' | 'try-later' | 'malformed';

function kindOf(answer: Bytes): OcspAnswer {
  if (equalBytes(answer, OCSP_UNAUTHORIZED)) return 'unauthorized';
  if (equalBytes(answer, OCSP_TRY_LATER)) return 'try-later';
  return answer.byteLength > OCSP_TRY_LATER.byteLength ? 'signed' : 'malformed';
}

/** The answer to an OCSP request, DER both. Never rejects: a fault is told to `onFault`, and the asker to try later. */
export function ocspAnswers(deps: OcspAnswersDeps): (request: Bytes) => Promise<Bytes> {
  const answering = answerer(deps);
  return async (request) => {
    const answer = await answering(request);
    deps.onAnswer?.(kindOf(answer));
    return answer;
  };
}

function answerer({ authorities, store, now, onFault }: OcspAnswersDeps): (request: Bytes) => Promise<Bytes> {
  const responders = authorities.map((authority) =>
    createOcspResponder({
      authority,
      statusOf: (serial) => ocspStatus(store, serial, authority),
      validSeconds: OCSP_VALID_SECONDS,
    }),
  );
  let underWay = 0;
  return async (request) => {
    if (underWay >= UNDER_WAY_MAX) return OCSP_TRY_LATER;
    underWay += 1;
    try {
      for (const responder of responders) {
        const answer = await responder.answer(request, now());
        if (!equalBytes(answer, OCSP_UNAUTHORIZED)) return answer;
      }
      return OCSP_UNAUTHORIZED;
    } catch (error) {
      onFault(error);
      return OCSP_TRY_LATER;
    } finally {
      underWay -= 1;
    }
  };
}

/**
 * What the store says of a serial of `authority`'s. What was never signed, or may have been and was never handed out, is not good; another
 * CA's is unknown.
 */
export async function ocspStatus(
  store: OcspAnswersDeps['store'],
  serial: Serial,
  authority: Pick<Authority, 'certificate'>,
): Promise<OcspStatus> {
  // The list first: between the two looks a certificate can only be put on it, and then the second tells.
  const certificate = await store.findCertificate(serial);
  if (certificate === undefined || isOfAnother(certificate.der, authority)) return { status: 'unknown' };
  const listed = await store.findRevocation(serial);
  if (listed !== undefined && listed.reason !== 'removeFromCRL') {
    return { status: 'revoked', revokedAt: listed.revokedAt, reason: listed.reason };
  }
  return certificate.state === 'issued' ? { status: 'good' } : { status: 'unknown' };
}

/** Whether a certificate names another key than `authority`'s as its issuer. Of one that was not handed out nobody knows. */
function isOfAnother(der: Bytes | undefined, { certificate: issuer }: Pick<Authority, 'certificate'>): boolean {
  if (der === undefined) return false;
  const named = parseCertificate(der).extensions.authorityKeyIdentifier?.keyIdentifier;
  const own = issuer.extensions.subjectKeyIdentifier;
  return named === undefined || own === undefined || !equalBytes(named, own);
}
