// reflect-metadata has to be there before the library is loaded.
import 'reflect-metadata';

import { X509Certificate } from '@peculiar/x509';

import type { Bytes } from '#core/bytes.ts';
import { CERTIFICATE_MAX_BYTES } from '#pki/x509/certificate.ts';
import { checkDer } from '#pki/x509/der-gate.ts';

/** A certificate as somebody else's code reads it. */
export interface SecondReading {
  /** Lower-case hex of the INTEGER's content without its sign byte. */
  readonly serial: string;
  readonly issuer: Bytes;
  readonly subject: Bytes;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly spki: Bytes;
  readonly extensions: readonly { readonly oid: string; readonly critical: boolean; readonly value: Bytes }[];
}

/**
 * `der` read by @peculiar/x509, for comparing with our own parser's reading (docs/decisions/0010). The library is a codec and not strict, so
 * the bytes pass the DER gate first. Throws X509FormatError on what is not DER, and whatever the library throws on what is no certificate.
 */
export function readAgain(der: Bytes): SecondReading {
  checkDer(der, 'Certificate', { maxBytes: CERTIFICATE_MAX_BYTES });
  const certificate = new X509Certificate(Buffer.from(der));
  return {
    serial: certificate.serialNumber.replace(/^00(?=.)/, ''),
    issuer: Buffer.from(certificate.issuerName.toArrayBuffer()),
    subject: Buffer.from(certificate.subjectName.toArrayBuffer()),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    spki: Buffer.from(certificate.publicKey.rawData),
    extensions: certificate.extensions.map(({ type, critical, value }) => ({
      oid: type,
      critical,
      value: Buffer.from(value),
    })),
  };
}
