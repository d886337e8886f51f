import type { Bytes } from '#core/bytes.ts';

import { readElement } from './der-gate.ts';
import { DerReader } from './der-reader.ts';
import { TAG } from './der-tags.ts';

/** An AlgorithmIdentifier (RFC 5280 §4.1.1.2). Whether the parameters suit the algorithm is for whoever uses it. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  /** The whole parameters element, checked to be DER; undefined when absent. */
  readonly parameters: Bytes | undefined;
  readonly raw: Bytes;
}

/** The next element of `reader` as an AlgorithmIdentifier. */
export function readAlgorithm(reader: DerReader): AlgorithmIdentifier {
  const { raw, inner } = reader.wholeSequence('AlgorithmIdentifier');
  const oid = inner.oid();
  const parameters = inner.remaining > 0 ? readElement(inner) : undefined;
  inner.end();
  return { oid, parameters, raw };
}

/** `der` as exactly one AlgorithmIdentifier. Throws X509FormatError. */
export function parseAlgorithm(der: Bytes): AlgorithmIdentifier {
  const reader = new DerReader(der, 'AlgorithmIdentifier');
  const algorithm = readAlgorithm(reader);
  reader.end();
  return algorithm;
}

/** True when the parameters are an ASN.1 NULL. */
export const hasNullParameters = (algorithm: AlgorithmIdentifier): boolean =>
  algorithm.parameters?.byteLength === 2 && algorithm.parameters[0] === TAG.null && algorithm.parameters[1] === 0;
