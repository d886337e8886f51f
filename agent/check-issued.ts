import { type Bytes, equalBytes } from '#core/bytes.ts';
import { certificateFingerprint, type NodeName } from '#core/ids.ts';
import { type Certificate, certificateSerial, parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { attributeText } from '#pki/x509/directory-string.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { ATTRIBUTE, KEY_PURPOSE } from '#pki/x509/oids.ts';
import { encodePem, parsePemOf } from '#pki/x509/pem.ts';
import { CLIENT_AUTH } from '#pki/x509/purpose.ts';
import type { JoinResponse } from '#protocol/join.ts';

export interface IssuedExpectation {
  readonly nodeName: NodeName;
  /** DER SubjectPublicKeyInfo of the key that the certificate must be for. */
  readonly spki: Bytes;
  /** The CAs that node certificates must chain to. Undefined: the issuers that the answer brings are believed. */
  readonly nodeCa: readonly Certificate[] | undefined;
  readonly now: Date;
}

export type IssuedCheck =
  | { readonly ok: true; /** Leaf, then issuers, and nothing else. */ readonly chainPem: string }
  /** Why the certificate is of no use to this node, for an operator, without a full stop. */
  | { readonly ok: false; readonly reason: string };

const MAX_CHAIN = 5;
/** Twenty-four hours, backdating and the odd minute. */
const MAX_LIFETIME_MS = 25 * 3_600_000;
/** A clock this much behind is forgiven: certificates are backdated for it, and by the time it is set right the node has joined. */
export const TOLERATED_SKEW_MS = 300_000;

/**
 * Establishes that the answer's certificate is for this node's key and in this node's name and group, that it says nothing more (no other
 * name, no purpose but client authentication), that it is valid now and for a day at most, that it chains to the expected CA, and that what
 * the answer says beside the certificate is true of it. Where no CA is configured, the chain proves only that the answer is of one piece:
 * who issued it is then known by the TLS connection alone.
 */
export function checkIssued({ node, certificate }: JoinResponse, expected: IssuedExpectation): IssuedCheck {
  const chain = readChain(certificate.chainPem);
  const [leaf, ...issuers] = chain ?? [];
  if (leaf === undefined) return { ok: false, reason: 'its certificate chain is not one or more certificates in PEM' };
  const anchors = expected.nodeCa ?? issuers;
  const reason =
    statementFault(leaf, certificate) ??
    identityFault(leaf, node.name, expected) ??
    powersFault(leaf) ??
    validityFault(leaf, expected.now) ??
    chainFault(leaf, { issuers, anchors, now: expected.now });
  if (reason !== undefined) return { ok: false, reason };
  return { ok: true, chainPem: [leaf, ...issuers].map(({ der }) => encodePem('CERTIFICATE', der)).join('') };
}

function readChain(pem: string): readonly Certificate[] | undefined {
  try {
    return parsePemOf('CERTIFICATE', pem, MAX_CHAIN).map((der) => parseCertificate(der));
  } catch (error) {
    if (error instanceof X509FormatError) return undefined;
    throw error;
  }
}

function statementFault(leaf: Certificate, said: JoinResponse['certificate']): string | undefined {
  const isTrue =
    certificateFingerprint(leaf.der) === said.fingerprint &&
    certificateSerial(leaf) === said.serial &&
    leaf.notBefore.getTime() === Date.parse(said.notBefore) &&
    leaf.notAfter.getTime() === Date.parse(said.notAfter);
  return isTrue ? undefined : 'what it says about the certificate is not true of the certificate';
}

function identityFault(
  leaf: Certificate,
  answeredName: string,
  { nodeName, spki }: IssuedExpectation,
): string | undefined {
  if (answeredName !== nodeName) return `it is for the node "${answeredName.slice(0, 100)}", not for ${nodeName}`;
  if (!equalBytes(leaf.publicKey.raw, spki)) return 'the certificate is for another key';
  return isNodeSubject(leaf, nodeName)
    ? undefined
    : 'the certificate’s subject is not this node in the group system:nodes';
}

/** True when the certificate's subject is this node in the group system:nodes, and nothing else. */
export function isNodeSubject(leaf: Certificate, nodeName: NodeName): boolean {
  const subject = leaf.subject.rdns.map((rdn) =>
    rdn.map((attribute) => [attribute.type, attributeText(attribute)].join('=')).join('+'),
  );
  const wanted = [`${ATTRIBUTE.organization}=system:nodes`, `${ATTRIBUTE.commonName}=system:node:${nodeName}`];
  return subject.join('/') === wanted.join('/');
}

function powersFault({ extensions }: Certificate): string | undefined {
  const purposes = [...(extensions.extendedKeyUsage ?? [])];
  if (purposes.length !== 1 || purposes[0] !== KEY_PURPOSE.clientAuth)
    return 'the certificate is not for client authentication alone';
  if (extensions.subjectAltName !== undefined) return 'the certificate has alternative names';
  return extensions.basicConstraints?.ca === true ? 'the certificate is a CA’s' : undefined;
}

function validityFault(leaf: Certificate, now: Date): string | undefined {
  const [from, to, at] = [leaf.notBefore.getTime(), leaf.notAfter.getTime(), now.getTime()];
  if (to <= from || to - from > MAX_LIFETIME_MS) return 'the certificate is not valid for a day at most';
  if (at >= from - TOLERATED_SKEW_MS && at <= to) return undefined;
  const range = `${leaf.notBefore.toISOString()} to ${leaf.notAfter.toISOString()}`;
  return `the certificate is valid from ${range} and this machine’s clock says ${now.toISOString()}`;
}

interface ChainParts {
  readonly issuers: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly now: Date;
}

function chainFault(leaf: Certificate, { issuers, anchors, now }: ChainParts): string | undefined {
  const verdict = verifyChain({
    leaf,
    intermediates: issuers,
    anchors,
    now: now < leaf.notBefore ? leaf.notBefore : now,
    purpose: CLIENT_AUTH,
    policy: STRICT_CHAIN,
  });
  if (verdict.ok) return undefined;
  return `the certificate does not chain to the expected CA (${verdict.denials.map(({ code }) => code).join(', ')})`;
}
