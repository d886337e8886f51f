import type { Bytes } from '#core/bytes.ts';

import { bitString, integer, sequence, tagged, time, unsignedInteger } from './der-writer.ts';

const VERSION_3 = tagged(0, integer(2));

/** The parts of a version 3 certificate; every `Bytes` but `serial` is the DER of its element. */
export interface TbsParts {
  /** Big-endian magnitude. */
  readonly serial: Bytes;
  readonly signatureAlgorithm: Bytes;
  readonly issuer: Bytes;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: Bytes;
  readonly spki: Bytes;
  /** At least one; each from `extension` or one of its kind. */
  readonly extensions: readonly Bytes[];
}

/** TBSCertificate of `parts`, in their order. Nothing is checked: linting is the issuer's. */
export const buildTbsCertificate = (parts: TbsParts): Buffer =>
  sequence(
    VERSION_3,
    unsignedInteger(parts.serial),
    parts.signatureAlgorithm,
    parts.issuer,
    sequence(time(parts.notBefore), time(parts.notAfter)),
    parts.subject,
    parts.spki,
    tagged(3, sequence(...parts.extensions)),
  );

/** To-be-signed bytes, algorithm and signature as one certificate, request or CRL. */
export const buildSigned = (tbs: Bytes, signatureAlgorithm: Bytes, signature: Bytes): Buffer =>
  sequence(tbs, signatureAlgorithm, bitString(signature));
