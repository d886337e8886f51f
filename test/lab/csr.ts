import { createPublicKey, type KeyObject, sign } from 'node:crypto';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { buildSigned } from '#pki/x509/certificate-writer.ts';
import { type Csr, parseCsr } from '#pki/x509/csr.ts';
import { integer, oid, sequence, setOf, tagged } from '#pki/x509/der-writer.ts';
import { basicConstraints, dnsName, keyUsage, subjectAltName } from '#pki/x509/extension-writer.ts';
import { buildName, EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

/** pkcs-9-at-extensionRequest (RFC 2985 §5.4.2). */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

export interface CsrParts {
  /** DER of a Name; empty unless given. */
  readonly subject?: Bytes;
  /** DER of an Attribute each. */
  readonly attributes?: readonly Bytes[];
  /** Whose signature it carries; the holder's unless given. */
  readonly signedBy?: KeyObject;
}

/** A request for `key`, an EC key, with anything in it, signed with ecdsa-with-SHA256. */
export function oddCsr(key: KeyObject, { subject = EMPTY_NAME, attributes = [], signedBy = key }: CsrParts = {}): Csr {
  const spki: Bytes = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const requestInfo = sequence(integer(0), subject, spki, tagged(0, ...attributes));
  return parseCsr(buildSigned(requestInfo, SIGNATURE_ALGORITHM.ecdsaSha256, sign('sha256', requestInfo, signedBy)));
}

/** A correctly signed request that asks to be a cluster administrator and a CA, with a DNS name. */
export function hostileCsr(key: KeyObject): Csr {
  const wanted = sequence(
    basicConstraints('unlimited'),
    keyUsage('keyCertSign'),
    subjectAltName(false, dnsName('kubernetes.default')),
  );
  return oddCsr(key, {
    subject: buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'admin']),
    attributes: [sequence(oid(EXTENSION_REQUEST), setOf(wanted))],
  });
}
