import type { ImaPolicy } from '#protocol/ima-policy.ts';

import type { SignatureKeys } from './file-signature.ts';
import { type SignatureKey, signatureKey } from './signature-key.ts';

/** An IMA policy with its keys imported, and its lists made ready to be looked up in. */
export interface CompiledImaPolicy {
  readonly policy: ImaPolicy;
  readonly digests: ReadonlySet<string>;
  /** By path; the measured policy files that the policy knows are among them. */
  readonly files: ReadonlyMap<string, ReadonlySet<string>>;
  readonly keys: SignatureKeys;
  /** By keyring, and by the name of any other buffer. */
  readonly buffers: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The policy, ready to be used; or, where one of its keys is none, the index of that key. */
export function compileImaPolicy(policy: ImaPolicy): CompiledImaPolicy | { readonly badKey: number } {
  const keys = new Map<string, SignatureKey[]>();
  for (const [index, pem] of policy.signatureKeys.entries()) {
    const key = signatureKey(pem);
    if (key === undefined) return { badKey: index };
    keys.set(key.keyId, [...(keys.get(key.keyId) ?? []), key]);
  }
  return {
    policy,
    digests: new Set(policy.digests),
    files: setsOf(merged(policy.files, policy.measurementPolicy.files)),
    keys,
    buffers: new Map([...setsOf(policy.buffers), ...setsOf(policy.keyrings)]),
  };
}

const setsOf = (lists: Lists): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(Object.entries(lists).map(([name, items]) => [name, new Set(items)]));

type Lists = Readonly<Record<string, readonly string[]>>;

const merged = (left: Lists, right: Lists): Lists =>
  Object.fromEntries(
    [...new Set([...Object.keys(left), ...Object.keys(right)])].map((path) => [
      path,
      [...(left[path] ?? []), ...(right[path] ?? [])],
    ]),
  );
