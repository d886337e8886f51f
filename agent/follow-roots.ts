import { equalBytes } from '#core/bytes.ts';
import { type Certificate, isSelfNamed } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { ANY_PURPOSE } from '#pki/x509/purpose.ts';

/**
 * The roots to trust from now on, of those that the service offers. With none trusted before, that is each one offered: who offers them is then known
 * by the TLS connection alone. Otherwise it is those that were trusted, and those whose key a root that is trusted and valid has signed, over
 * however many steps. Where that leaves none of what is offered, it is what was trusted. A root that is offered no longer is trusted no longer.
 */
export function followRoots(
  trusted: readonly Certificate[],
  offered: readonly Certificate[],
  now: Date,
): readonly Certificate[] {
  const roots = offered.filter((one) => isRoot(one, now));
  if (trusted.length === 0) return roots;
  let vouching = trusted;
  let accepted = roots.filter((root) => trusted.some(({ der }) => equalBytes(der, root.der)));
  for (;;) {
    const next = roots.filter((root) => !accepted.includes(root) && isVouchedFor(root, { offered, vouching, now }));
    if (next.length === 0) return accepted.length === 0 ? trusted : accepted;
    accepted = [...accepted, ...next];
    vouching = [...trusted, ...accepted];
  }
}

function isVouchedFor(
  root: Certificate,
  by: { readonly offered: readonly Certificate[]; readonly vouching: readonly Certificate[]; readonly now: Date },
): boolean {
  return by.offered.some(
    (cross) =>
      equalBytes(cross.publicKey.raw, root.publicKey.raw) &&
      equalBytes(cross.subject.raw, root.subject.raw) &&
      cross.extensions.basicConstraints?.ca === true &&
      leadsTo(cross, by.vouching, by.now),
  );
}

/** Whether the certificate is valid, and signed by one of `anchors`. */
function leadsTo(leaf: Certificate, anchors: readonly Certificate[], now: Date): boolean {
  return verifyChain({ leaf, intermediates: [], anchors, now, purpose: ANY_PURPOSE, policy: STRICT_CHAIN }).ok;
}

/** A CA's certificate that names itself as issuer, allows a CA below it, and is valid. Its own signature says nothing about whether to trust it. */
function isRoot(one: Certificate, now: Date): boolean {
  const { basicConstraints, keyUsage, authorityKeyIdentifier } = one.extensions;
  const isCa =
    basicConstraints?.ca === true && basicConstraints.pathLength !== 0 && keyUsage?.has('keyCertSign') === true;
  // A cross-certificate names itself too, and names another key as its issuer's.
  return (
    isCa && isSelfNamed(one) && authorityKeyIdentifier === undefined && now >= one.notBefore && now <= one.notAfter
  );
}
