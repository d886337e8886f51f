import type { Bytes } from '#core/bytes.ts';

import { type AlgorithmIdentifier, readAlgorithm } from '../x509/algorithm.ts';
import type { Certificate } from '../x509/certificate.ts';
import { DerReader } from '../x509/der-reader.ts';
import { TAG } from '../x509/der-tags.ts';
import type { Extension } from '../x509/extension.ts';
import { type Name, readName } from '../x509/name.ts';

/** A CRL as the rules see it. Its entries are read apart, one after the other: there may be very many. */
export interface CrlView {
  readonly isVersion2: boolean;
  readonly innerAlgorithm: AlgorithmIdentifier;
  readonly outerAlgorithm: AlgorithmIdentifier;
  readonly issuerName: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  readonly timesInDueForm: boolean;
  /** Content of revokedCertificates; undefined when it is absent. */
  readonly entries: Bytes | undefined;
  /** In their order, an extension that occurs twice included. */
  readonly extensions: readonly Extension[];
  /** The certificate whose key signs it, where it is known. */
  readonly issuer: Certificate | undefined;
}

/** One entry of revokedCertificates. */
export interface CrlEntryView {
  /** INTEGER content. */
  readonly serial: Bytes;
  readonly revokedAt: Date;
  readonly timeInDueForm: boolean;
  readonly extensions: readonly Extension[];
  readonly thisUpdate: Date;
}

/** `der` as a CRL, entries unread. Throws X509FormatError. */
export function crlView(der: Bytes, issuer: Certificate | undefined): CrlView {
  const outer = new DerReader(der, 'CertificateList');
  const list = outer.sequence();
  outer.end();
  const body = list.sequence('TBSCertList');
  const isVersion2 = body.next(TAG.integer) && body.smallInteger(1) === 1;
  const innerAlgorithm = readAlgorithm(body);
  const issuerName = readName(body);
  const first = readTime(body);
  const hasNextUpdate = body.next(TAG.utcTime) || body.next(TAG.generalizedTime);
  const next = hasNextUpdate ? readTime(body) : undefined;
  const entries = body.next(TAG.sequence) ? body.content(TAG.sequence) : undefined;
  const explicit = body.tagged(0, 'crlExtensions');
  const extensions = explicit === undefined ? [] : readExtensionList(explicit.sequence());
  explicit?.end();
  body.end();
  const outerAlgorithm = readAlgorithm(list);
  list.bitStringBytes();
  list.end();
  return {
    isVersion2,
    innerAlgorithm,
    outerAlgorithm,
    issuerName,
    thisUpdate: first.date,
    nextUpdate: next?.date,
    timesInDueForm: first.inDueForm && next?.inDueForm !== false,
    entries,
    extensions,
    issuer,
  };
}

/** The next entry of `reader`. Throws X509FormatError. */
export function readCrlEntry(reader: DerReader, thisUpdate: Date): CrlEntryView {
  const entry = reader.sequence('revokedCertificate');
  const serial = entry.integerBytes();
  const { date, inDueForm } = readTime(entry);
  const extensions = entry.remaining > 0 ? readExtensionList(entry.sequence()) : [];
  entry.end();
  return { serial, revokedAt: date, timeInDueForm: inDueForm, extensions, thisUpdate };
}

function readTime(reader: DerReader): { date: Date; inDueForm: boolean } {
  const isUtcTime = reader.next(TAG.utcTime);
  const date = reader.time();
  const year = date.getUTCFullYear();
  return { date, inDueForm: isUtcTime === (year >= 1950 && year <= 2049) };
}

/** At least one extension. Unlike the parser's, this reading keeps an extension that occurs twice, for a rule to find. */
function readExtensionList(reader: DerReader): readonly Extension[] {
  const list: Extension[] = [];
  do {
    const inner = reader.sequence('Extension');
    const oid = inner.oid();
    const critical = inner.booleanDefaultFalse();
    list.push({ oid, critical, value: inner.octetString() });
    inner.end();
  } while (reader.remaining > 0);
  return list;
}
