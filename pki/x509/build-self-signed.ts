import { createPublicKey, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';

import { signingChoice } from './build-csr.ts';
import { buildSigned, buildTbsCertificate } from './certificate-writer.ts';
import { extendedKeyUsage, keyUsage } from './extension-writer.ts';
import { buildName } from './name-writer.ts';
import { ATTRIBUTE, KEY_PURPOSE } from './oids.ts';

export interface SelfSignedParts {
  readonly commonName: string;
  /** Big-endian magnitude, 1 to 20 bytes. */
  readonly serial: Bytes;
  /** Both are rounded down to a second. */
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * DER of a TLS server's certificate over `privateKey`'s public half, signed by itself. It says whose key it is to nobody: it carries a key
 * into a handshake. Throws RangeError unless the key is P-256, P-384 or RSA.
 */
export function buildSelfSigned(privateKey: KeyObject, parts: SelfSignedParts): Bytes {
  const { algorithm, hash } = signingChoice(privateKey);
  const name = buildName([ATTRIBUTE.commonName, parts.commonName]);
  const tbs = buildTbsCertificate({
    serial: parts.serial,
    signatureAlgorithm: algorithm,
    issuer: name,
    notBefore: wholeSecond(parts.notBefore),
    notAfter: wholeSecond(parts.notAfter),
    subject: name,
    spki: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    extensions: [keyUsage('digitalSignature'), extendedKeyUsage(KEY_PURPOSE.serverAuth)],
  });
  return buildSigned(tbs, algorithm, sign(hash, tbs, privateKey));
}

const wholeSecond = (time: Date): Date => new Date(Math.floor(time.getTime() / 1_000) * 1_000);
