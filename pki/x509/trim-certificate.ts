import type { Bytes } from '#core/bytes.ts';

import { DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';
import { X509FormatError } from './format-error.ts';

/** stored certificate, full certificate (TCG PC Client specification for TPM 1.2, §7.3.2), before the 16-bit length of what follows. */
const TCG_HEADER = Buffer.from([0x10, 0x01, 0x00]);
const TCG_HEADER_LENGTH = 5;

/**
 * The one certificate in the content of an NV index: its DER from the outer SEQUENCE to its stated length, as a view. What follows must be
 * fill, all 0x00 or all 0xFF. A five-byte TCG header before it (10 01 00 and a length) is dropped when its length is that of the certificate,
 * or of the certificate with its fill. Throws X509FormatError on anything else. The certificate itself is not parsed.
 */
export function trimCertificate(nvContent: Bytes): Bytes {
  const hasHeader = Buffer.compare(nvContent.subarray(0, TCG_HEADER.byteLength), TCG_HEADER) === 0;
  const body = hasHeader ? nvContent.subarray(TCG_HEADER_LENGTH) : nvContent;
  const reader = new DerReader(body, 'NV certificate');
  if (!reader.next(TAG.sequence)) throw reader.fail(reader.remaining === 0 ? 'truncated' : 'unexpected-tag');
  const { raw } = reader.element();
  const fill = body.subarray(raw.byteLength);
  const first = fill[0];
  const isFill = first === undefined || ((first === 0x00 || first === 0xff) && fill.every((byte) => byte === first));
  if (!isFill) throw reader.fail('trailing-bytes');
  if (hasHeader) checkHeaderLength(nvContent, raw.byteLength, body.byteLength);
  return raw;
}

function checkHeaderLength(nvContent: Bytes, certificateLength: number, bodyLength: number): void {
  const stated = (nvContent[3] ?? 0) * 256 + (nvContent[4] ?? 0);
  if (stated !== certificateLength && stated !== bodyLength) {
    throw new X509FormatError('bad-value', TCG_HEADER.byteLength, 'TCG certificate header');
  }
}
