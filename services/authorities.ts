import { type Bytes, equalBytes, toHex } from '#core/bytes.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import type { ManagedSigner } from '#pki/signer.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { keyIdentifier } from '#pki/x509/key-identifier.ts';
import { encodePem } from '#pki/x509/pem.ts';

import { isSelfSigned } from './issuer-chain.ts';

/** The node CAs beside the one that signs. */
export interface OtherAuthorities {
  /** The chain of the CA that will follow. */
  readonly next: readonly Bytes[] | undefined;
  readonly retired: readonly { readonly chain: readonly Bytes[]; readonly signer: ManagedSigner }[];
  /** Roots to come, and cross-certificates. */
  readonly furtherRoots: readonly Certificate[];
}

export const NO_OTHERS: OtherAuthorities = Object.freeze({ next: undefined, retired: [], furtherRoots: [] });

/** Every node CA that counts, sorted by what it is for. */
export interface Authorities {
  /** The one that signs, then the retired ones: each signs its own revocation list and OCSP answers. */
  readonly signing: readonly [Authority, ...Authority[]];
  /** Issuing CAs: the one that signs, the next, the retired. */
  readonly issuing: readonly Certificate[];
  /** Self-signed, those of the issuing CAs first. */
  readonly roots: readonly Certificate[];
  /** Roots under other roots. */
  readonly crosses: readonly Certificate[];
}

/** The CAs of `chain`, whose key is `signer`'s, and of `others`. Each certificate is in it once. */
export function sortAuthorities(
  { issuerChain: chain, signer }: { readonly issuerChain: readonly Bytes[]; readonly signer: ManagedSigner },
  { next = [], retired, furtherRoots }: OtherAuthorities,
): Authorities {
  const all = once([chain, next, ...retired.map((one) => one.chain)].flat().map((der) => parseCertificate(der)));
  const above = once([...all, ...furtherRoots]).filter((one) => one.extensions.basicConstraints?.pathLength !== 0);
  return {
    signing: [
      { certificate: firstOf(chain), signer },
      ...retired.map((one) => ({ certificate: firstOf(one.chain), signer: one.signer })),
    ],
    issuing: all.filter((one) => one.extensions.basicConstraints?.pathLength === 0),
    roots: above.filter(isSelfSigned),
    crosses: above.filter((one) => !isSelfSigned(one)),
  };
}

/** Subject key identifier in lower-case hex: what a CA is called by people and paths. */
export const keyIdOf = ({ extensions, publicKey }: Certificate): string =>
  toHex(extensions.subjectKeyIdentifier ?? keyIdentifier(publicKey));

/** What the clients of the node listener may chain to: every issuing CA, retired ones among them, and every root. */
export const clientCaPem = ({ issuing, roots }: Authorities): string => pemOf([...issuing, ...roots]);

/** What the bundle holds: roots, cross-certificates, issuing CAs. */
export const bundlePem = ({ roots, crosses, issuing }: Authorities): string =>
  pemOf([...roots, ...crosses, ...issuing]);

/** The bundle as it is served. */
export const bundleOf = (authorities: Authorities, since: Date) => ({
  pem: bundlePem(authorities),
  since,
  signing: keyIdOf(authorities.signing[0].certificate),
});

/**
 * What a node is sent behind its certificate: the issuing CA, then its root under each other root, so that who has only an older root finds a way.
 */
export function sentIssuersPem({ signing: [{ certificate }], roots, crosses }: Authorities): string {
  const wanted = certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
  const root = roots.find(({ extensions: { subjectKeyIdentifier: id } }) => id !== undefined && sameId(id, wanted));
  const ways = crosses.filter(({ publicKey }) => root !== undefined && equalBytes(publicKey.raw, root.publicKey.raw));
  return pemOf([certificate, ...ways.slice(0, SENT_CROSSES_MAX)]);
}

/** An agent takes a chain of five. */
const SENT_CROSSES_MAX = 3;

const sameId = (one: Bytes, other: Bytes | undefined): boolean => other !== undefined && equalBytes(one, other);

const pemOf = (certificates: readonly Certificate[]): string =>
  certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join('');

const once = (certificates: readonly Certificate[]): readonly Certificate[] => [
  ...new Map(certificates.map((one) => [toHex(one.der), one])).values(),
];

function firstOf(chain: readonly Bytes[]): Certificate {
  const [der] = chain;
  if (der === undefined) throw new Error('the issuing CA was read at start-up');
  return parseCertificate(der);
}
