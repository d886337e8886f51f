import { X509Certificate } from 'node:crypto';

/** What a person wants to see of the node's credential: the leaf, and that its chain leads to `rootPem`. Throws when it does not. */
export function summariseCredential(credentialPem: string, rootPem: string): string {
  const [leaf, issuer] = [
    ...credentialPem.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g),
  ].map(([pem]) => new X509Certificate(pem));
  const root = new X509Certificate(rootPem);
  if (leaf === undefined || issuer === undefined) throw new Error('the credential has no chain');
  const holds = (child: X509Certificate, parent: X509Certificate): boolean =>
    child.checkIssued(parent) && child.verify(parent.publicKey);
  if (!holds(leaf, issuer) || !holds(issuer, root)) throw new Error('the chain does not lead to the root');
  const inOneLine = (name: string): string => name.replaceAll('\n', ', ');
  return [
    `Subject:     ${inOneLine(leaf.subject)}`,
    `Issuer:      ${inOneLine(leaf.issuer)}`,
    `Root:        ${inOneLine(root.subject)}`,
    `Serial:      ${leaf.serialNumber.toLowerCase()}`,
    `Not before:  ${leaf.validFrom}`,
    `Not after:   ${leaf.validTo}`,
    `Key:         ${leaf.publicKey.asymmetricKeyDetails?.namedCurve ?? leaf.publicKey.asymmetricKeyType ?? ''}`,
    `Usage:       ${leaf.keyUsage?.join(', ') ?? ''} (1.3.6.1.5.5.7.3.2 is client authentication)`,
    `Names:       ${leaf.subjectAltName ?? 'none besides the subject'}`,
  ].join('\n');
}
