import { X509Certificate } from 'node:crypto';

import { type Bytes, concatBytes } from '#core/bytes.ts';
import { DerReader } from '#pki/x509/der-reader.ts';
import { TAG } from '#pki/x509/der-tags.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';
import { CURVE } from '#tpm2/constants.ts';
import { EK_CHAIN_NV_RANGE } from '#tpm2/ek-nv-index.ts';
import type { PublicArea } from '#tpm2/public-area.ts';
import { leftPad } from '#tpm2/public-key.ts';

import type { TpmDevice } from './device.ts';
import { nvIndicesBetween, readNvIndex } from './nv.ts';

/** What the protocol carries: one EK certificate and four issuers, 8 KiB each. */
const MAX_ISSUERS = 4;
const MAX_CERTIFICATE_BYTES = 8_192;
/** What the service's ticket has room for, all certificates together. */
const MAX_PATH_BYTES = 14_336;
/** First octet of an EC point that is written with both coordinates. */
const UNCOMPRESSED = 4;

/**
 * The certificate in an EK certificate's NV index, without the fill after it or the header that old parts put before it. Not parsed any
 * further, let alone verified: that is the service's part. Throws X509FormatError, also for one longer than the protocol carries.
 */
export function certificateFromNv(contents: Bytes): Bytes {
  const certificate = trimCertificate(contents);
  if (certificate.byteLength > MAX_CERTIFICATE_BYTES) throw new X509FormatError('too-large', 0, 'EK certificate');
  return certificate;
}

/** True when the certificate's bytes contain the EK's public key: enough to choose by, and indifferent to makers' odd encodings. */
export function certificateHasKey(certificate: Bytes, area: PublicArea): boolean {
  switch (area.type) {
    case 'rsa':
      return area.modulus.byteLength > 0 && Buffer.from(certificate).includes(area.modulus);
    case 'ecc': {
      const { size } = CURVE[area.curve];
      const point = concatBytes(Uint8Array.of(UNCOMPRESSED), leftPad(area.x, size), leftPad(area.y, size));
      return Buffer.from(certificate).includes(point);
    }
    case 'keyedhash':
      return false;
  }
}

/**
 * The EK certificate's issuers as far as the TPM holds them, each the issuer of the one before, at most four. An NV index that is not a
 * run of certificates contributes nothing: the service may know the issuers without it.
 */
export async function readEkIssuers(tpm: TpmDevice, ekCertificate: Bytes): Promise<readonly Bytes[]> {
  const contents: Bytes[] = [];
  for (const index of await nvIndicesBetween(tpm, EK_CHAIN_NV_RANGE.first, EK_CHAIN_NV_RANGE.last)) {
    const part = await readNvIndex(tpm, index);
    if (part !== undefined) contents.push(part);
  }
  return issuersOf(ekCertificate, splitCertificates(concatBytes(...contents)));
}

/** The path upwards from `leaf` through `pool`, without `leaf`, as far as it can be read and as the protocol carries it. */
export function issuersOf(leaf: Bytes, pool: readonly Bytes[]): readonly Bytes[] {
  const candidates = pool.map((der) => ({ der, certificate: readCertificate(der) }));
  const path: Bytes[] = [];
  let below = readCertificate(leaf);
  let room = MAX_PATH_BYTES - leaf.byteLength;
  while (below !== undefined && path.length < MAX_ISSUERS) {
    const subject = below;
    const issuer = candidates.find(
      ({ der, certificate }) => certificate !== undefined && !path.includes(der) && isIssuedBy(subject, certificate),
    );
    if (issuer === undefined || issuer.der.byteLength > room) break;
    path.push(issuer.der);
    room -= issuer.der.byteLength;
    below = issuer.certificate;
  }
  return path;
}

/** The certificates that stand one after the other in `bytes`, up to the first byte that does not begin one. */
export function splitCertificates(bytes: Bytes): readonly Bytes[] {
  const certificates: Bytes[] = [];
  const reader = new DerReader(bytes, 'EK certificate chain');
  try {
    while (reader.next(TAG.sequence)) certificates.push(reader.element().raw);
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
  }
  return certificates.filter(({ byteLength }) => byteLength <= MAX_CERTIFICATE_BYTES);
}

/** By name and by signature: an authority that has renewed its key may be there twice. */
function isIssuedBy(subject: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
  } catch {
    // A key or an algorithm that this runtime does not know.
    return false;
  }
}

function readCertificate(der: Bytes): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
