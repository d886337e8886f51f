import type { Bytes } from '#core/bytes.ts';

import { type AlgorithmIdentifier, readAlgorithm } from './algorithm.ts';
import { DerReader } from './der-reader.ts';

/** A SubjectPublicKeyInfo taken apart, its key not looked into: `parsePublicKey` does that. */
export interface SubjectPublicKeyInfo {
  readonly raw: Bytes;
  readonly algorithm: AlgorithmIdentifier;
  /** The subjectPublicKey's bytes. */
  readonly key: Bytes;
}

/** The next element of `reader` as a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
export function readSpki(reader: DerReader): SubjectPublicKeyInfo {
  const { raw, inner } = reader.wholeSequence('SubjectPublicKeyInfo');
  const algorithm = readAlgorithm(inner);
  const key = inner.bitStringBytes();
  inner.end();
  return { raw, algorithm, key };
}

/** `der` as exactly one SubjectPublicKeyInfo. Throws X509FormatError. */
export function parseSpki(der: Bytes): SubjectPublicKeyInfo {
  const reader = new DerReader(der, 'SubjectPublicKeyInfo');
  const spki = readSpki(reader);
  reader.end();
  return spki;
}
