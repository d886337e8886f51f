import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Bytes } from '#core/bytes.ts';

const MAX_BYTES = 65_536;
const PEM_BEGIN = '-----BEGIN ';

/** A file that is not one EK certificate; the message says why, in a few words for a list of bad lines. */
export class EkCertificateFileError extends Error {
  override readonly name = 'EkCertificateFileError';
}

/**
 * The DER of the EK certificate in `file`: PEM, DER, or DER as TPM NV memory holds it, followed by 0x00 or 0xFF up to the size of the
 * index. That it is one certificate is established here; what it is worth is for the service. Throws EkCertificateFileError.
 */
export function readEkCertificate(file: string): Bytes {
  const bytes = readBounded(file);
  const isPem = bytes.includes(PEM_BEGIN);
  const der = isPem ? bytes : trimPadding(bytes);
  const raw = parseCertificate(der);
  if (raw === undefined) throw new EkCertificateFileError('not a certificate in PEM or DER');
  const isAlone = isPem ? bytes.indexOf(PEM_BEGIN) === bytes.lastIndexOf(PEM_BEGIN) : raw.equals(der);
  if (!isAlone) throw new EkCertificateFileError('more than one certificate');
  return raw;
}

function readBounded(file: string): Buffer {
  try {
    const bytes = readFileSync(file);
    if (bytes.byteLength > MAX_BYTES) throw new EkCertificateFileError(`larger than ${MAX_BYTES} bytes`);
    return bytes;
  } catch (error) {
    if (error instanceof EkCertificateFileError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new EkCertificateFileError(code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`);
  }
}

/** The outer SEQUENCE (X.690 §8.9, definite two-byte length), where only fill follows it. */
function trimPadding(bytes: Buffer): Buffer {
  if (bytes.byteLength < 4 || bytes[0] !== 0x30 || bytes[1] !== 0x82) return bytes;
  const end = 4 + bytes.readUInt16BE(2);
  const fill = bytes.subarray(end);
  return fill.every((byte) => byte === 0x00) || fill.every((byte) => byte === 0xff) ? bytes.subarray(0, end) : bytes;
}

function parseCertificate(bytes: Buffer): Buffer | undefined {
  try {
    return new X509Certificate(bytes).raw;
  } catch {
    return undefined;
  }
}
