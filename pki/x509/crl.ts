import { type Bytes, toHex } from '#core/bytes.ts';

import { type AlgorithmIdentifier, readAlgorithm } from './algorithm.ts';
import { type CrlExtensions, NO_CRL_EXTENSIONS, readCrlExtensions, readEntryExtensions } from './crl-extensions.ts';
import { DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';
import { type Name, readName } from './name.ts';

/** One revoked certificate. */
export interface CrlEntry {
  readonly revokedAt: Date;
  /** CRLReason (RFC 5280 §5.3.1); undefined when not given. */
  readonly reason: number | undefined;
}

/** A certificate revocation list as its bytes say (RFC 5280 §5.1). Nothing in it is verified. */
export interface Crl {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly version: 1 | 2;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Bytes;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** By serial: lower-case hex of the INTEGER's content. */
  readonly entries: ReadonlyMap<string, CrlEntry>;
  readonly extensions: CrlExtensions;
  /** A critical extension, of the list or of an entry, that is not processed here: the list says nothing that can be relied on. */
  readonly unknownCritical: string | undefined;
}

export const CRL_MAX_BYTES = 16 * 1024 * 1024;
const SERIAL_MAX_BYTES = 21;

/** `der` as exactly one CRL: strict DER, the two signature algorithms equal, version 2 where there are extensions, no serial twice. Throws X509FormatError. */
export function parseCrl(der: Bytes, maxBytes: number = CRL_MAX_BYTES): Crl {
  const outer = new DerReader(der, 'CertificateList');
  if (der.byteLength > maxBytes) throw outer.fail('too-large');
  const list = outer.sequence();
  outer.end();
  const { raw: tbs, inner } = list.wholeSequence('TBSCertList');
  const { innerAlgorithm, ...body } = readTbs(inner);
  const algorithmAt = list.offset;
  const signatureAlgorithm = readAlgorithm(list);
  if (Buffer.compare(signatureAlgorithm.raw, innerAlgorithm.raw) !== 0) throw list.fail('bad-value', algorithmAt);
  const signature = list.bitStringBytes();
  list.end();
  return { der, tbs, ...body, signatureAlgorithm, signature };
}

/** The key of a certificate's serial in `Crl.entries`. */
export const crlKey = (serial: Bytes): string => toHex(serial);

function readTbs(reader: DerReader) {
  const version = readVersion(reader);
  const innerAlgorithm = readAlgorithm(reader);
  const issuer = readName(reader);
  const thisUpdate = reader.time();
  const hasNextUpdate = reader.next(TAG.utcTime) || reader.next(TAG.generalizedTime);
  const nextUpdate = hasNextUpdate ? reader.time() : undefined;
  const { entries, unknownCritical: unknownInEntries } = readEntries(reader, version);
  const { extensions, unknownCritical: unknownInList } = readOptionalExtensions(reader, version);
  reader.end();
  const unknownCritical = unknownInList ?? unknownInEntries;
  return { version, innerAlgorithm, issuer, thisUpdate, nextUpdate, entries, extensions, unknownCritical };
}

/** Version OPTIONAL: absent is v1, present must be v2 (RFC 5280 §5.1.2.1). */
function readVersion(reader: DerReader): 1 | 2 {
  if (!reader.next(TAG.integer)) return 1;
  const start = reader.offset;
  if (reader.smallInteger(1) !== 1) throw reader.fail('bad-value', start);
  return 2;
}

/** RFC 5280 §5.1.2.6: the list of entries is absent when there are none. */
function readEntries(reader: DerReader, version: 1 | 2) {
  const entries = new Map<string, CrlEntry>();
  let unknownCritical: string | undefined;
  const list = reader.insideOptional(TAG.sequence, 'revokedCertificates');
  if (list === undefined) return { entries, unknownCritical };
  do {
    const start = list.offset;
    const entry = list.sequence('revokedCertificate');
    const serial = entry.integerBytes();
    if (serial.byteLength > SERIAL_MAX_BYTES) throw list.fail('too-large', start);
    const key = crlKey(serial);
    if (entries.has(key)) throw list.fail('duplicate', start);
    const revokedAt = entry.time();
    const extensions = entry.remaining > 0 && version === 2 ? readEntryExtensions(entry.sequence()) : undefined;
    entry.end();
    unknownCritical ??= extensions?.unknownCritical;
    entries.set(key, { revokedAt, reason: extensions?.reason });
  } while (list.remaining > 0);
  return { entries, unknownCritical };
}

function readOptionalExtensions(reader: DerReader, version: 1 | 2) {
  const start = reader.offset;
  const explicit = reader.tagged(0, 'crlExtensions');
  if (explicit === undefined) return { extensions: NO_CRL_EXTENSIONS, unknownCritical: undefined };
  if (version !== 2) throw reader.fail('bad-value', start);
  const list = explicit.sequence();
  explicit.end();
  return readCrlExtensions(list);
}
