import type { Bytes } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { encodeCrlEntry } from '#pki/revocation.ts';
import { newSerial } from '#pki/serial.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { bitString, integer, sequence, tagged, time } from '#pki/x509/der-writer.ts';
import * as write from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { LAB_NOW } from './node-ca.ts';

/** A CRL's elements, each as DER, so that a test can put something wrong in the place of any one. */
export interface CrlParts {
  readonly version: Bytes;
  readonly innerAlgorithm: Bytes;
  readonly issuer: Bytes;
  readonly thisUpdate: Bytes;
  readonly nextUpdate: Bytes;
  /** The whole revokedCertificates element. */
  readonly entries: Bytes;
  readonly extensions: ReadonlyMap<string, Bytes>;
  readonly outerAlgorithm: Bytes;
}

export const CRL_NOW = LAB_NOW;
export const crlEntry = (reason: Parameters<typeof encodeCrlEntry>[0]['reason'] = 'keyCompromise'): Bytes =>
  encodeCrlEntry({ serial: newSerial(systemRandom), revokedAt: CRL_NOW, reason });

/** What a CRL of `issuer` with two entries is made of when nothing is wrong with it. */
export function goodCrlParts(issuer: Certificate): CrlParts {
  const identifier = issuer.extensions.subjectKeyIdentifier ?? Buffer.alloc(0);
  return {
    version: integer(1),
    innerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
    issuer: issuer.subject.raw,
    thisUpdate: time(CRL_NOW),
    nextUpdate: time(new Date(CRL_NOW.getTime() + 86_400_000)),
    entries: sequence(crlEntry(), crlEntry('unspecified')),
    extensions: new Map([
      [EXTENSION.authorityKeyIdentifier, write.authorityKeyIdentifier(identifier)],
      [EXTENSION.crlNumber, write.extension(EXTENSION.crlNumber, false, integer(7))],
    ]),
    outerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha256,
  };
}

/** `parts` as a CRL whose signature is a placeholder. */
export function sampleCrl(parts: CrlParts): Bytes {
  const { version, innerAlgorithm, issuer, thisUpdate, nextUpdate, entries, outerAlgorithm } = parts;
  const list = [...parts.extensions.values()];
  const extensions = list.length === 0 ? [] : [tagged(0, sequence(...list))];
  const tbs = sequence(version, innerAlgorithm, issuer, thisUpdate, nextUpdate, entries, ...extensions);
  return sequence(tbs, outerAlgorithm, bitString(sequence(integer(1), integer(1))));
}
