import { createPublicKey, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';

import { SIGNATURE_ALGORITHM } from './algorithm-writer.ts';
import { buildSigned } from './certificate-writer.ts';
import { integer, sequence, tagged } from './der-writer.ts';
import { buildName, EMPTY_NAME } from './name-writer.ts';
import { ATTRIBUTE } from './oids.ts';

const VERSION_1 = integer(0);
const NO_ATTRIBUTES = tagged(0);

/**
 * A PKCS#10 request for `privateKey`'s public half, signed by it: empty subject unless a common name is given, no attributes.
 * Throws RangeError unless the key is P-256, P-384 or RSA.
 */
export function buildCsr(privateKey: KeyObject, commonName?: string): Bytes {
  const { algorithm, hash } = signingChoice(privateKey);
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const subject = commonName === undefined ? EMPTY_NAME : buildName([ATTRIBUTE.commonName, commonName]);
  const requestInfo = sequence(VERSION_1, subject, spki, NO_ATTRIBUTES);
  return buildSigned(requestInfo, algorithm, sign(hash, requestInfo, privateKey));
}

/** How this key signs what we build. Throws RangeError unless it is a private key on P-256 or P-384, or RSA. */
export function signingChoice(key: KeyObject): { algorithm: Bytes; hash: 'sha256' | 'sha384' } {
  if (key.type !== 'private') throw new RangeError('not a private key');
  if (key.asymmetricKeyType === 'rsa') return { algorithm: SIGNATURE_ALGORITHM.rsaSha256, hash: 'sha256' };
  if (key.asymmetricKeyType === 'ec') {
    const curve = key.asymmetricKeyDetails?.namedCurve;
    if (curve === 'prime256v1') return { algorithm: SIGNATURE_ALGORITHM.ecdsaSha256, hash: 'sha256' };
    if (curve === 'secp384r1') return { algorithm: SIGNATURE_ALGORITHM.ecdsaSha384, hash: 'sha384' };
  }
  throw new RangeError('requests and certificates are signed with P-256, P-384 or RSA');
}
