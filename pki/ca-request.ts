import type { Bytes } from '#core/bytes.ts';

import { IssuerError } from './issuer-error.ts';
import { signingKey, signTbs } from './sign-certificate.ts';
import type { Signer } from './signer.ts';
import { integer, sequence, tagged } from './x509/der-writer.ts';
import { parseCsr } from './x509/csr.ts';
import { buildName } from './x509/name-writer.ts';
import { ATTRIBUTE } from './x509/oids.ts';
import { encodePem, parsePemOf } from './x509/pem.ts';
import { verifyCsr } from './x509/verify-csr.ts';

const LABEL = 'CERTIFICATE REQUEST';

/**
 * A PKCS#10 request in PEM for the key behind `signer`, in a file or elsewhere, signed by it. On resolution the signature verifies. The name is
 * for whoever reads the request: the certificate's is the root's to give. Rejects with IssuerError, and as the signer does.
 */
export async function buildCaRequest(signer: Signer, commonName: string): Promise<string> {
  const info = sequence(integer(0), buildName([ATTRIBUTE.commonName, commonName]), signer.spki, tagged(0));
  return encodePem(LABEL, await signTbs(info, signingKey(signer)));
}

/** DER SubjectPublicKeyInfo of a request whose holder has the key. Throws IssuerError, and X509FormatError where it is no request. */
export function verifyCaRequest(pem: string): Bytes {
  const [der, another] = parsePemOf(LABEL, pem, 2);
  if (der === undefined || another !== undefined) throw new IssuerError('signature', 'not one certificate request');
  const verdict = verifyCsr(parseCsr(der));
  if (!verdict.ok) throw new IssuerError('signature', `the request was not signed by its own key (${verdict.code})`);
  return verdict.spki;
}
