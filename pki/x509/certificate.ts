import type { Bytes } from '#core/bytes.ts';
import { toHex } from '#core/bytes.ts';
import { isSerial, type Serial } from '#core/ids.ts';

import { type AlgorithmIdentifier, readAlgorithm } from './algorithm.ts';
import { type CertificateExtensions, NO_EXTENSIONS, readCertificateExtensions } from './certificate-extensions.ts';
import { type Dialect, DerReader } from './der-reader.ts';
import { contextPrimitive, TAG } from './der-tags.ts';
import { X509FormatError } from './format-error.ts';
import { type Name, readName } from './name.ts';
import { readSpki, type SubjectPublicKeyInfo } from './spki.ts';

/** A certificate as its bytes say. Nothing in it is verified: not the signature, not who issued it, not its dates. */
export interface Certificate {
  readonly der: Bytes;
  /** The to-be-signed bytes, as they stand in `der`. */
  readonly tbs: Bytes;
  readonly version: 1 | 2 | 3;
  /** INTEGER content: two's complement, so that a negative or zero serial can be told and refused. */
  readonly serial: Bytes;
  /** The same inside and outside the signature. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Bytes;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  /** The last second in which the certificate is valid. */
  readonly notAfter: Date;
  /** Both dates are UTCTime through 2049 and GeneralizedTime from 2050 on, as RFC 5280 §4.1.2.5 asks. */
  readonly timesInDueForm: boolean;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly extensions: CertificateExtensions;
}

export interface CertificateLimits {
  /** Default 16 KiB. */
  readonly maxBytes?: number | undefined;
  /** Default `der`. */
  readonly dialect?: Dialect | undefined;
}

export const CERTIFICATE_MAX_BYTES = 16_384;
/** RFC 5280 §4.1.2.2 allows a serial of 20 octets; one more is the sign byte of a 160-bit one. */
const SERIAL_MAX_BYTES = 21;

/**
 * `der` as exactly one certificate (RFC 5280 §4.1): strict DER without trailing bytes, the two signature algorithms equal, version 3 where
 * there are extensions, no extension twice, and every extension that has a field in CertificateExtensions well-formed.
 * Throws X509FormatError. The result's byte strings are views into `der`.
 */
export function parseCertificate(der: Bytes, limits: CertificateLimits = {}): Certificate {
  const outer = new DerReader(der, 'Certificate', limits.dialect);
  if (der.byteLength > (limits.maxBytes ?? CERTIFICATE_MAX_BYTES)) throw outer.fail('too-large');
  const certificate = outer.sequence();
  outer.end();
  const { raw: tbs, inner } = certificate.wholeSequence('TBSCertificate');
  const body = readTbs(inner);
  const algorithmAt = certificate.offset;
  const signatureAlgorithm = readAlgorithm(certificate);
  const signature = certificate.bitStringBytes();
  certificate.end();
  if (Buffer.compare(signatureAlgorithm.raw, body.innerAlgorithm.raw) !== 0) {
    throw new X509FormatError('bad-value', algorithmAt, 'Certificate signatureAlgorithm');
  }
  const { innerAlgorithm: _, ...fields } = body;
  return { der, tbs, ...fields, signatureAlgorithm, signature };
}

/** The serial as lower-case hex of its positive value; undefined when it is zero, negative or over 20 bytes. */
export function certificateSerial(certificate: Pick<Certificate, 'serial'>): Serial | undefined {
  const { serial } = certificate;
  const first = serial[0] ?? 0;
  if (first >= 0x80) return undefined;
  const text = toHex(first === 0 ? serial.subarray(1) : serial);
  return isSerial(text) ? text : undefined;
}

/** True when issuer and subject are the same bytes. The comparison that path validation needs is `sameName`. */
export const isSelfNamed = (certificate: Certificate): boolean =>
  Buffer.compare(certificate.issuer.raw, certificate.subject.raw) === 0;

function readTbs(reader: DerReader) {
  const version = readVersion(reader);
  const serialAt = reader.offset;
  const serial = reader.integerBytes();
  if (serial.byteLength > SERIAL_MAX_BYTES) throw reader.fail('too-large', serialAt);
  const innerAlgorithm = readAlgorithm(reader);
  const issuer = readName(reader);
  const validity = readValidity(reader);
  const subject = readName(reader);
  const publicKey = readSpki(reader);
  skipUniqueId(reader, 1, version);
  skipUniqueId(reader, 2, version);
  const extensions = readOptionalExtensions(reader, version);
  reader.end();
  return { version, serial, innerAlgorithm, issuer, subject, ...validity, publicKey, extensions };
}

/** `[0] Version DEFAULT v1`: a v1 that is spelled out is not DER (X.690 §11.5). */
function readVersion(reader: DerReader): 1 | 2 | 3 {
  const explicit = reader.tagged(0, 'Version');
  if (explicit === undefined) return 1;
  const start = explicit.offset;
  const version = explicit.smallInteger(2);
  explicit.end();
  if (version === 0) throw reader.fail('not-canonical', start);
  return version === 1 ? 2 : 3;
}

function readValidity(reader: DerReader): Pick<Certificate, 'notBefore' | 'notAfter' | 'timesInDueForm'> {
  const inner = reader.sequence('Validity');
  const [beforeIsUtc, notBefore] = [inner.next(TAG.utcTime), inner.time()];
  const [afterIsUtc, notAfter] = [inner.next(TAG.utcTime), inner.time()];
  inner.end();
  const timesInDueForm = beforeIsUtc === isUtcYear(notBefore) && afterIsUtc === isUtcYear(notAfter);
  return { notBefore, notAfter, timesInDueForm };
}

const isUtcYear = (date: Date): boolean => date.getUTCFullYear() >= 1950 && date.getUTCFullYear() <= 2049;

/** `[number] IMPLICIT UniqueIdentifier OPTIONAL`, versions 2 and 3 only. Nothing uses its value. */
function skipUniqueId(reader: DerReader, number: number, version: 1 | 2 | 3): void {
  if (!reader.next(contextPrimitive(number))) return;
  if (version === 1) throw reader.fail('bad-value');
  reader.bitString(contextPrimitive(number));
}

function readOptionalExtensions(reader: DerReader, version: 1 | 2 | 3) {
  const start = reader.offset;
  const explicit = reader.tagged(3, 'Extensions');
  if (explicit === undefined) return NO_EXTENSIONS;
  if (version !== 3) throw reader.fail('bad-value', start);
  const list = explicit.sequence();
  explicit.end();
  return readCertificateExtensions(list);
}
