import type { Bytes } from '#core/bytes.ts';
import { type ChainInput, type ChainVerdict, verifyChain } from '#pki/x509/chain.ts';
import { STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { bitString, integer, nullValue, oid, sequence, unsignedInteger } from '#pki/x509/der-writer.ts';
import { KEY_ALGORITHM } from '#pki/x509/oids.ts';
import { CLIENT_AUTH } from '#pki/x509/purpose.ts';

import { intermediate, leaf, NOW, type Otherwise, root } from './lab.ts';

/** The good chain that every row changes one thing of. */
export const ROOT = root();
export const ISSUER = intermediate(ROOT);
export const LEAF = leaf(ISSUER);

/** The verdict on the good chain for a TLS client under the strict policy, with a change. */
export const verify = (change: Partial<ChainInput> = {}): ChainVerdict =>
  verifyChain({
    leaf: LEAF,
    intermediates: [ISSUER.certificate],
    anchors: [ROOT.certificate],
    now: NOW,
    purpose: CLIENT_AUTH,
    policy: STRICT_CHAIN,
    ...change,
  });

/** `accepted`, or the code and depth of the first denial; the rule or the extension with it where there is one. */
export function told(verdict: ChainVerdict): string {
  if (verdict.ok) return 'accepted';
  const { code, depth, rule, extension: type } = verdict.denials[0] ?? { code: 'none', depth: -1 };
  return [code, depth, rule ?? type].filter((part) => part !== undefined).join(' ');
}

/** The good chain with another leaf, intermediate or root of the same name and key. */
export const withLeaf = (otherwise: Otherwise): Partial<ChainInput> => ({ leaf: leaf(ISSUER, 'Leaf', otherwise) });

export function withIssuer(otherwise: Otherwise): Partial<ChainInput> {
  const issuer = intermediate(ROOT, 'Intermediate', otherwise);
  return { leaf: leaf(issuer), intermediates: [issuer.certificate] };
}

export function withRoot(otherwise: Otherwise): Partial<ChainInput> {
  const anchor = root('Root', otherwise);
  return { anchors: [anchor.certificate] };
}

/** A change to the extensions of a good certificate. */
export type Change = Exclude<Otherwise['extensions'], undefined>;
/** The good extensions without one, with more, or with another in place of one. */
export const without =
  (name: string): Change =>
  (good) =>
    Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
export const plus =
  (...values: readonly Bytes[]): Change =>
  (good) => ({ ...good, ...Object.fromEntries(values.entries()) });
export const instead =
  (name: string, value: Bytes): Change =>
  (good) => ({ ...good, [name]: value });

/** An RSA key whose modulus has `bytes` bytes. */
export function rsaKey(bytes: number): Bytes {
  const key = sequence(unsignedInteger(Buffer.alloc(bytes, 0xff)), integer(65537));
  return sequence(sequence(oid(KEY_ALGORITHM.rsaEncryption), nullValue()), bitString(key));
}
