import type { Bytes } from '#core/bytes.ts';

import { type AlgorithmIdentifier, readAlgorithm } from './algorithm.ts';
import { readElement } from './der-gate.ts';
import { DerReader } from './der-reader.ts';
import { contextConstructed, TAG } from './der-tags.ts';
import { type Name, readName } from './name.ts';
import { readSpki, type SubjectPublicKeyInfo } from './spki.ts';

/** A PKCS#10 request as its bytes say (RFC 2986). Only the public key is of use, and only once `verifyCsr` has returned ok. */
export interface Csr {
  readonly der: Bytes;
  /** The bytes that the self-signature is over, as they stand in `der`. */
  readonly requestInfo: Bytes;
  /** What the requester would like to be called. No certificate takes anything from it. */
  readonly claimedSubject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  /** True when there are attributes, such as requested extensions. They are checked to be DER and never read. */
  readonly hasAttributes: boolean;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Bytes;
}

export const CSR_MAX_BYTES = 4_096;

/** `der` as exactly one PKCS#10 request: strict DER without trailing bytes, version 1. Throws X509FormatError. The result holds views into `der`. */
export function parseCsr(der: Bytes): Csr {
  const outer = new DerReader(der, 'CertificationRequest');
  if (der.byteLength > CSR_MAX_BYTES) throw outer.fail('too-large');
  const request = outer.sequence();
  outer.end();
  const { raw: requestInfo, inner } = request.wholeSequence('CertificationRequestInfo');
  inner.smallInteger(0);
  const claimedSubject = readName(inner);
  const publicKey = readSpki(inner);
  const hasAttributes = readAttributes(inner);
  inner.end();
  const signatureAlgorithm = readAlgorithm(request);
  const signature = request.bitStringBytes();
  request.end();
  return { der, requestInfo, claimedSubject, publicKey, hasAttributes, signatureAlgorithm, signature };
}

/** `[0] IMPLICIT SET OF Attribute`, which RFC 2986 §4.1 wants even when empty. */
function readAttributes(reader: DerReader): boolean {
  const attributes = reader.inside(contextConstructed(0), 'Attributes');
  const isPresent = attributes.remaining > 0;
  let last: Bytes | undefined;
  while (attributes.remaining > 0) {
    const start = attributes.offset;
    const raw = readElement(attributes);
    if (raw[0] !== TAG.sequence) throw attributes.fail('unexpected-tag', start);
    if (last !== undefined && Buffer.compare(last, raw) > 0) throw attributes.fail('not-canonical', start);
    last = raw;
  }
  return isPresent;
}
