import { equalBytes } from '#core/bytes.ts';

import { SIGNATURE_ALGORITHM } from '../x509/algorithm-writer.ts';
import { DerReader } from '../x509/der-reader.ts';
import { contextPrimitive } from '../x509/der-tags.ts';
import { readDistributionPointName } from '../x509/distribution-point.ts';
import type { Extension } from '../x509/extension.ts';
import { X509FormatError } from '../x509/format-error.ts';
import { readAuthorityKeyIdentifier } from '../x509/key-extensions.ts';
import { EXTENSION } from '../x509/oids.ts';
import type { CrlView } from './crl-view.ts';
import { broken, type Rule } from './rule.ts';
import { signatureParametersFault } from './structure-rules.ts';

const find = (view: { readonly extensions: readonly Extension[] }, oid: string): Extension | undefined =>
  view.extensions.find((extension) => extension.oid === oid);

const twice = (extensions: readonly Extension[]): boolean =>
  new Set(extensions.map(({ oid }) => oid)).size !== extensions.length;

/** What `parse` makes of an extension's value; undefined when it is absent or does not parse. */
function valueOf<T>(extension: Extension | undefined, parse: (reader: DerReader) => T): T | undefined {
  if (extension === undefined) return undefined;
  try {
    const reader = new DerReader(extension.value, 'extension');
    const value = parse(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}

const authorityKeyIdentifier = (view: CrlView) =>
  valueOf(find(view, EXTENSION.authorityKeyIdentifier), readAuthorityKeyIdentifier);

/** The fields of a CRL (RFC 5280 §5.1). */
const FIELD_RULES: readonly Rule<CrlView>[] = [
  {
    name: 'crl-version-not-2',
    clause: 'RFC 5280 §5.1.2.1',
    check: ({ isVersion2 }) => broken(!isVersion2, 'not version 2'),
  },
  {
    name: 'crl-signature-algorithm-mismatch',
    clause: 'RFC 5280 §5.1.1.2',
    check: ({ innerAlgorithm, outerAlgorithm }) =>
      broken(!equalBytes(innerAlgorithm.raw, outerAlgorithm.raw), 'different inside and outside the signature'),
  },
  {
    name: 'crl-signature-parameters',
    clause: 'RFC 5758 §3.2, RFC 3279 §2.2.1',
    check: ({ innerAlgorithm }) => signatureParametersFault(innerAlgorithm),
  },
  {
    name: 'crl-issuer-empty',
    clause: 'RFC 5280 §5.1.2.3',
    check: ({ issuerName }) => broken(issuerName.rdns.length === 0, 'issuer is empty'),
  },
  {
    name: 'crl-next-update-missing',
    clause: 'RFC 5280 §5.1.2.5',
    check: ({ nextUpdate }) => broken(nextUpdate === undefined, 'no nextUpdate'),
  },
  {
    name: 'crl-validity-not-positive',
    clause: 'RFC 5280 §5.1.2.5',
    check: ({ thisUpdate, nextUpdate }) =>
      broken(nextUpdate !== undefined && nextUpdate <= thisUpdate, 'nextUpdate is not after thisUpdate'),
  },
  {
    name: 'crl-time-form',
    clause: 'RFC 5280 §5.1.2.4',
    check: ({ timesInDueForm }) => broken(!timesInDueForm, 'UTCTime until 2049, GeneralizedTime from 2050'),
  },
  {
    name: 'crl-entries-empty',
    clause: 'RFC 5280 §5.1.2.6',
    check: ({ entries }) => broken(entries?.byteLength === 0, 'revokedCertificates is present and empty'),
  },
];

/** The extensions of a CRL (RFC 5280 §5.2). */
const EXTENSION_RULES: readonly Rule<CrlView>[] = [
  {
    name: 'crl-extension-twice',
    clause: 'RFC 5280 §5.2',
    check: ({ extensions }) => broken(twice(extensions), 'an extension twice'),
  },
  {
    name: 'crl-authority-key-identifier-missing',
    clause: 'RFC 5280 §5.2.1',
    check: (view) => broken(find(view, EXTENSION.authorityKeyIdentifier) === undefined, 'no authorityKeyIdentifier'),
  },
  {
    name: 'crl-authority-key-identifier-critical',
    clause: 'RFC 5280 §4.2.1.1',
    check: (view) => broken(find(view, EXTENSION.authorityKeyIdentifier)?.critical === true, 'critical'),
  },
  {
    name: 'crl-authority-key-identifier-not-key-alone',
    clause: 'RFC 5280 §5.2.1',
    check: (view) => {
      if (find(view, EXTENSION.authorityKeyIdentifier) === undefined) return undefined;
      const value = authorityKeyIdentifier(view);
      return broken(value?.keyIdentifier === undefined || value.issuer !== undefined, 'not a key identifier alone');
    },
  },
  {
    name: 'crl-number-missing',
    clause: 'RFC 5280 §5.2.3',
    check: (view) => broken(find(view, EXTENSION.crlNumber) === undefined, 'no cRLNumber'),
  },
  {
    name: 'crl-number-critical',
    clause: 'RFC 5280 §5.2.3',
    check: (view) => broken(find(view, EXTENSION.crlNumber)?.critical === true, 'critical'),
  },
  {
    name: 'crl-number-out-of-range',
    clause: 'RFC 5280 §5.2.3',
    check: (view) => {
      const extension = find(view, EXTENSION.crlNumber);
      const octets = valueOf(extension, (reader) => reader.integerBytes());
      const isInRange = octets !== undefined && octets.byteLength <= 20 && (octets[0] ?? 0) < 0x80;
      return broken(extension !== undefined && !isInRange, 'not an integer from 0 to 2^159 - 1');
    },
  },
  {
    name: 'crl-issuing-distribution-point-not-critical',
    clause: 'RFC 5280 §5.2.5',
    check: (view) => broken(find(view, EXTENSION.issuingDistributionPoint)?.critical === false, 'not critical'),
  },
  {
    name: 'crl-issuing-distribution-point-form',
    clause: 'RFC 5280 §5.2.5',
    check: (view) => {
      const extension = find(view, EXTENSION.issuingDistributionPoint);
      const uri = valueOf(extension, readOnlyUri);
      return broken(extension !== undefined && (uri === undefined || !ABSOLUTE_URI.test(uri)), 'not one absolute URI');
    },
  },
];

const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[\x21-\x7e]+$/;

/** The URI of an IssuingDistributionPoint of one URI, and at most one of onlyContainsUserCerts and onlyContainsCACerts. */
function readOnlyUri(reader: DerReader): string {
  const point = reader.sequence();
  const name = readDistributionPointName(point, 0);
  if (point.next(contextPrimitive(1)) || point.next(contextPrimitive(2))) point.element();
  point.end();
  const [only, ...more] = name?.kind === 'fullName' ? name.names : [];
  if (only?.kind !== 'uniformResourceIdentifier' || more.length > 0) throw reader.fail('bad-value');
  return only.text;
}

/** How a CRL stands to the certificate whose key signs it. */
const ISSUER_RULES: readonly Rule<CrlView>[] = [
  {
    name: 'crl-issuer-name-differs',
    clause: 'RFC 5280 §6.3.3 (f)',
    check: ({ issuer, issuerName }) =>
      broken(issuer !== undefined && !equalBytes(issuerName.raw, issuer.subject.raw), 'not the issuer’s subject'),
  },
  {
    name: 'crl-authority-key-identifier-differs',
    clause: 'RFC 5280 §5.2.1',
    check: (view) => {
      const due = view.issuer?.extensions.subjectKeyIdentifier;
      const found = authorityKeyIdentifier(view)?.keyIdentifier;
      if (due === undefined || found === undefined) return undefined;
      return broken(!equalBytes(found, due), 'not the issuer’s key identifier');
    },
  },
  {
    name: 'crl-issuer-may-not-sign',
    clause: 'RFC 5280 §6.3.3 (f)',
    check: ({ issuer }) =>
      broken(issuer !== undefined && issuer.extensions.keyUsage?.has('cRLSign') !== true, 'the issuer lacks cRLSign'),
  },
];

/** What RFC 5280 asks of any CRL but for its entries. */
export const CRL_RULES: readonly Rule<CrlView>[] = [...FIELD_RULES, ...EXTENSION_RULES, ...ISSUER_RULES];

const ISSUED_EXTENSIONS: ReadonlySet<string> = new Set<string>([
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.crlNumber,
  EXTENSION.issuingDistributionPoint,
]);

/** Days between thisUpdate and nextUpdate, at most. */
export const CRL_MAX_DAYS = 10;

/** What holds for the CRLs made here: full lists, of one shape, for a few days. */
export const CRL_PROFILE_RULES: readonly Rule<CrlView>[] = [
  {
    name: 'crl-profile-signature-algorithm',
    clause: 'Muster profile',
    check: ({ innerAlgorithm }) =>
      broken(!equalBytes(innerAlgorithm.raw, SIGNATURE_ALGORITHM.ecdsaSha256), 'not ecdsa-with-SHA256'),
  },
  {
    name: 'crl-profile-extensions',
    clause: 'Muster profile',
    check: ({ extensions }) => {
      const other = extensions.find(({ oid }) => !ISSUED_EXTENSIONS.has(oid));
      return broken(other !== undefined, `extension ${other?.oid} is not in the profile`);
    },
  },
  {
    name: 'crl-profile-lifetime',
    clause: 'Muster profile',
    check: ({ thisUpdate, nextUpdate }) =>
      broken(
        nextUpdate !== undefined && nextUpdate.getTime() - thisUpdate.getTime() > CRL_MAX_DAYS * 86_400_000,
        `over ${CRL_MAX_DAYS} days to nextUpdate`,
      ),
  },
];
