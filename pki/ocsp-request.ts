import type { Bytes } from '#core/bytes.ts';
import { toHex } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import { isSerial, type Serial } from '#core/ids.ts';

import { readAlgorithm } from './x509/algorithm.ts';
import { readElement } from './x509/der-gate.ts';
import { DerReader } from './x509/der-reader.ts';
import { contextConstructed } from './x509/der-tags.ts';
import { readExtensions } from './x509/extension.ts';
import { readGeneralName } from './x509/general-name.ts';
import { DIGEST_OID } from './x509/oids.ts';

/** Which certificate is asked about (RFC 6960 §4.1.1): an issuer by hashes of its name and key, and a serial. */
export interface OcspCertId {
  /** DER, to be repeated in the answer. */
  readonly raw: Bytes;
  /** Undefined: hashed with an algorithm not known here, so it names nobody. */
  readonly hash: HashName | undefined;
  readonly issuerNameHash: Bytes;
  readonly issuerKeyHash: Bytes;
  /** Undefined where the number is no serial: zero, negative or over 20 octets. */
  readonly serial: Serial | undefined;
}

export interface OcspRequest {
  /** 1 to 32. */
  readonly certIds: readonly OcspCertId[];
  /** 1 to 128 bytes, to be repeated in the answer. */
  readonly nonce: Bytes | undefined;
}

export const OCSP_REQUEST_MAX_BYTES = 8_192;
export const OCSP_NONCE = '1.3.6.1.5.5.7.48.1.2';
const CERT_IDS_MAX = 32;
const NONCE_MAX_BYTES = 128;

const HASHES: ReadonlyMap<string, HashName> = new Map<string, HashName>([
  [DIGEST_OID.sha1, 'sha1'],
  [DIGEST_OID.sha256, 'sha256'],
  [DIGEST_OID.sha384, 'sha384'],
  [DIGEST_OID.sha512, 'sha512'],
]);

/**
 * `der` as exactly one OCSP request (RFC 6960 §4.1): strict DER, version 1, no critical extension but the nonce. A signature on it is stepped
 * over: whoever asks gets the same answer. Throws X509FormatError.
 */
export function parseOcspRequest(der: Bytes): OcspRequest {
  const outer = new DerReader(der, 'OCSPRequest');
  if (der.byteLength > OCSP_REQUEST_MAX_BYTES) throw outer.fail('too-large');
  const request = outer.sequence();
  outer.end();
  const body = request.sequence('TBSRequest');
  if (request.next(contextConstructed(0))) readElement(request);
  request.end();

  // A version has no place here: 1 is the default, which DER leaves out, and there is no other.
  const requestor = body.tagged(1, 'requestorName');
  if (requestor !== undefined) readGeneralName(requestor);
  requestor?.end();
  const list = body.sequence('requestList');
  const certIds: OcspCertId[] = [];
  do {
    if (certIds.length === CERT_IDS_MAX) throw list.fail('too-large');
    certIds.push(readRequest(list));
  } while (list.remaining > 0);
  const extensions = body.tagged(2, 'requestExtensions');
  const nonce = extensions === undefined ? undefined : readNonce(extensions.sequence());
  extensions?.end();
  body.end();
  return { certIds, nonce };
}

function readRequest(list: DerReader): OcspCertId {
  const request = list.sequence('Request');
  const certId = readCertId(request);
  const extensions = request.tagged(0, 'singleRequestExtensions');
  if (extensions !== undefined) refuseCritical(extensions.sequence());
  extensions?.end();
  request.end();
  return certId;
}

function readCertId(reader: DerReader): OcspCertId {
  const { raw, inner } = reader.wholeSequence('CertID');
  const hash = HASHES.get(readAlgorithm(inner).oid);
  const issuerNameHash = inner.octetString();
  const issuerKeyHash = inner.octetString();
  const serial = serialOf(inner.integerBytes());
  inner.end();
  return { raw, hash, issuerNameHash, issuerKeyHash, serial };
}

function serialOf(content: Bytes): Serial | undefined {
  const first = content[0] ?? 0;
  if (first >= 0x80) return undefined;
  const text = toHex(first === 0 ? content.subarray(1) : content);
  return isSerial(text) ? text : undefined;
}

/** RFC 9654 §2.1: the nonce is an OCTET STRING inside the extension's value. */
function readNonce(reader: DerReader): Bytes | undefined {
  let nonce: Bytes | undefined;
  refuseCritical(reader, (oid, value) => {
    if (oid !== OCSP_NONCE) return undefined;
    nonce = value.octetString();
    if (nonce.byteLength === 0 || nonce.byteLength > NONCE_MAX_BYTES) throw value.fail('bad-value');
    return true;
  });
  return nonce;
}

type Parse = Parameters<typeof readExtensions>[1];

/** Throws on a critical extension that `parse` does not know. */
function refuseCritical(reader: DerReader, parse: Parse = () => undefined): void {
  const known = new Set<string>();
  const all = readExtensions(reader, (oid, value) => {
    const outcome = parse(oid, value);
    if (outcome === true) known.add(oid);
    return outcome;
  });
  for (const { oid, critical } of all.values()) if (critical && !known.has(oid)) throw reader.fail('bad-value');
}
