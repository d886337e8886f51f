import { type AlgorithmIdentifier, hasNullParameters } from '../x509/algorithm.ts';
import type { CertificateView } from './certificate-view.ts';
import { broken, type Rule } from './rule.ts';

/** Signature algorithms whose identifier has no parameters (RFC 5758 §3.2, RFC 8410 §3). */
const WITHOUT_PARAMETERS = /^(?:1\.2\.840\.10045\.4\.|1\.3\.101\.11[23]$)/;
/** RSA signatures whose parameters are NULL (RFC 3279 §2.2.1, RFC 4055 §5). */
const WITH_NULL = /^1\.2\.840\.113549\.1\.1\.(?:[2-5]|1[1-4])$/;

/** The fields around names, key and extensions (RFC 5280 §4.1). */
export const STRUCTURE_RULES: readonly Rule<CertificateView>[] = [
  {
    name: 'version-not-3',
    clause: 'RFC 5280 §4.1.2.1',
    check: ({ certificate }) => broken(certificate.version !== 3, `version ${certificate.version}`),
  },
  {
    name: 'serial-not-positive',
    clause: 'RFC 5280 §4.1.2.2',
    check: ({ certificate: { serial } }) =>
      broken((serial[0] ?? 0) >= 0x80 || serial.every((byte) => byte === 0), 'serial is zero or negative'),
  },
  {
    name: 'serial-over-20-octets',
    clause: 'RFC 5280 §4.1.2.2',
    check: ({ certificate: { serial } }) => broken(serial.byteLength > 20, `serial of ${serial.byteLength} octets`),
  },
  {
    name: 'signature-parameters',
    clause: 'RFC 5758 §3.2, RFC 3279 §2.2.1',
    check: ({ certificate }) => signatureParametersFault(certificate.signatureAlgorithm),
  },
  {
    name: 'issuer-empty',
    clause: 'RFC 5280 §4.1.2.4',
    check: ({ certificate }) => broken(certificate.issuer.rdns.length === 0, 'issuer is empty'),
  },
  {
    name: 'validity-not-positive',
    clause: 'RFC 5280 §4.1.2.5',
    check: ({ certificate: { notBefore, notAfter } }) => broken(notAfter < notBefore, 'notAfter is before notBefore'),
  },
  {
    name: 'time-form',
    clause: 'RFC 5280 §4.1.2.5',
    check: ({ certificate }) => broken(!certificate.timesInDueForm, 'UTCTime until 2049, GeneralizedTime from 2050'),
  },
  {
    name: 'unique-identifier-present',
    clause: 'RFC 5280 §4.1.2.8',
    check: ({ hasUniqueId }) => broken(hasUniqueId, 'issuerUniqueID or subjectUniqueID is present'),
  },
];

/** What is wrong with the parameters of a signature's algorithm; undefined for right ones and for algorithms not known here. */
export function signatureParametersFault(algorithm: AlgorithmIdentifier): string | undefined {
  const { oid, parameters } = algorithm;
  if (WITHOUT_PARAMETERS.test(oid)) return broken(parameters !== undefined, 'parameters where there are none');
  return broken(WITH_NULL.test(oid) && !hasNullParameters(algorithm), 'parameters are not NULL');
}
