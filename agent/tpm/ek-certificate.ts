import { X509Certificate } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { EK_CHAIN_NV_RANGE } from '#tpm2/ek-nv-index.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import type { PublicArea } from '#tpm2/public-area.ts';
import { Reader } from '#tpm2/reader.ts';
import { leftPad } from '#tpm2/public-key.ts';
import { CURVE } from '#tpm2/constants.ts';

import type { TpmDevice } from './device.ts';
import { nvIndicesBetween, readNvIndex } from './nv.ts';

/** What the protocol carries: one EK certificate and four issuers, 8 KiB each. */
const MAX_ISSUERS = 4;
const MAX_CERTIFICATE_SIZE = 8_192;

/**
 * The certificate in an EK certificate's NV index: the outer SEQUENCE, without the fill after it or the TCG header that old parts put
 * before it. Not parsed any further, let alone verified: that is the service's part. Throws Tpm2FormatError if the bytes begin with
 * something else, or if the fill is not all 00 or all FF.
 */
export function certificateFromNv(contents: Bytes): Bytes {
  const bytes = withoutStoredHeader(contents);
  const size = derSequenceSize(bytes, 'EK certificate');
  const fill = bytes.subarray(size);
  if (!fill.every((byte) => byte === 0x00) && !fill.every((byte) => byte === 0xff)) {
    throw new Tpm2FormatError('trailing-bytes', size, 'EK certificate');
  }
  return bytes.subarray(0, size);
}

/** True when the certificate's bytes contain the EK's public key: enough to choose by, and indifferent to makers' odd encodings. */
export function certificateHasKey(certificate: Bytes, area: PublicArea): boolean {
  switch (area.type) {
    case 'rsa':
      return area.modulus.byteLength > 0 && Buffer.from(certificate).includes(area.modulus);
    case 'ecc': {
      const { size } = CURVE[area.curve];
      return Buffer.from(certificate).includes(
        Buffer.concat([[4], leftPad(area.x, size), leftPad(area.y, size)].map((part) => Buffer.from(part))),
      );
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
  return issuersOf(ekCertificate, splitCertificates(Buffer.concat(contents)));
}

/** The path upwards from `leaf` through `pool`, without `leaf`, ending before a certificate that cannot be read. */
export function issuersOf(leaf: Bytes, pool: readonly Bytes[]): readonly Bytes[] {
  const candidates = pool.map((der) => ({ der, certificate: readCertificate(der) }));
  const path: Bytes[] = [];
  let below = readCertificate(leaf);
  while (below !== undefined && path.length < MAX_ISSUERS) {
    const subject = below;
    const issuer = candidates.find(
      ({ der, certificate }) => certificate !== undefined && !path.includes(der) && subject.checkIssued(certificate),
    );
    if (issuer === undefined) break;
    path.push(issuer.der);
    below = issuer.certificate;
  }
  return path;
}

/** The certificates that stand one after the other in `bytes`, up to the first byte that does not begin one. */
export function splitCertificates(bytes: Bytes): readonly Bytes[] {
  const certificates: Bytes[] = [];
  let rest = bytes;
  while (rest.byteLength > 0) {
    let size: number;
    try {
      size = derSequenceSize(rest, 'EK certificate chain');
    } catch {
      break;
    }
    certificates.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return certificates;
}

/** TCG_PCCLIENT_STORED_CERT: tag 1001, type 00 (full certificate) and the certificate's size, which must then be exactly right. */
function withoutStoredHeader(contents: Bytes): Bytes {
  if (contents[0] !== 0x10) return contents;
  const reader = new Reader(contents, 'TCG_PCCLIENT_STORED_CERT');
  if (reader.u16() !== 0x1001 || reader.u8() !== 0) throw reader.fail('unknown-selector');
  const size = reader.u16();
  if (derSequenceSize(contents.subarray(5), 'EK certificate') !== size) throw reader.fail('bad-value');
  return reader.rest();
}

/** The size of the DER SEQUENCE at the start of `bytes`, tag and length included. Throws Tpm2FormatError. */
function derSequenceSize(bytes: Bytes, what: string): number {
  const reader = new Reader(bytes, what);
  if (reader.u8() !== 0x30) throw reader.fail('unknown-selector');
  const first = reader.u8();
  // A certificate is between 256 bytes and 8 KiB long, so its length takes two octets.
  if (first !== 0x82) throw reader.fail('size-out-of-range');
  const size = reader.u16();
  if (size < 0x100 || reader.offset + size > MAX_CERTIFICATE_SIZE) throw reader.fail('size-out-of-range');
  reader.bytes(size);
  return reader.offset;
}

function readCertificate(der: Bytes): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
