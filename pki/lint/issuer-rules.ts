import { equalBytes } from '#core/bytes.ts';

import type { Certificate } from '../x509/certificate.ts';
import type { CertificateView } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

/** How a certificate stands to the one whose key signs it. A rule says nothing where that one is not known. */
export const ISSUER_RULES: readonly Rule<CertificateView>[] = [
  againstIssuer('issuer-name-differs', 'RFC 5280 §6.1.3 (a)(4)', ({ certificate }, issuer) =>
    // Bytes, not RFC 5280 §7.1: verifiers exist that compare nothing else.
    broken(!equalBytes(certificate.issuer.raw, issuer.subject.raw), 'issuer is not the issuing certificate’s subject'),
  ),
  againstIssuer('authority-key-identifier-differs', 'RFC 5280 §4.2.1.1', ({ certificate }, issuer) => {
    const identifier = certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
    const expected = issuer.extensions.subjectKeyIdentifier;
    if (identifier === undefined) return undefined;
    return broken(expected === undefined || !equalBytes(identifier, expected), 'not the issuer’s key identifier');
  }),
  againstIssuer('validity-outside-issuer', 'Muster profile', ({ certificate }, issuer) =>
    broken(
      certificate.notBefore < issuer.notBefore || certificate.notAfter > issuer.notAfter,
      'valid when the issuer is not',
    ),
  ),
  againstIssuer('issuer-not-ca', 'RFC 5280 §6.1.4 (k), (n)', (_, { extensions }) =>
    broken(
      extensions.basicConstraints?.ca !== true || extensions.keyUsage?.has('keyCertSign') !== true,
      'the issuing certificate is not one of a CA that signs certificates',
    ),
  ),
  againstIssuer('issuer-path-length', 'RFC 5280 §4.2.1.9', ({ isCa, isSelfNamed }, { extensions }) =>
    broken(
      isCa && !isSelfNamed && extensions.basicConstraints?.pathLength === 0,
      'a CA below one that allows none below it',
    ),
  ),
  againstIssuer('key-of-issuer', 'Muster profile', ({ certificate, isSelfNamed }, issuer) =>
    broken(!isSelfNamed && equalBytes(certificate.publicKey.raw, issuer.publicKey.raw), 'the issuer’s own key'),
  ),
];

function againstIssuer(
  name: string,
  clause: string,
  check: (view: CertificateView, issuer: Certificate) => string | undefined,
): Rule<CertificateView> {
  return { name, clause, check: (view) => (view.issuer === undefined ? undefined : check(view, view.issuer)) };
}
