import { createHmac } from 'node:crypto';

import { type Bytes, concatBytes, utf8 } from '#core/bytes.ts';
import { digest, DIGEST_SIZE, type HashName } from '#core/digest.ts';

/** What KDFa and KDFe have in common. `label` is ASCII without its terminating NUL; `bits` is the length wanted. */
interface KdfInput {
  readonly hash: HashName;
  readonly label: string;
  readonly contextU: Bytes;
  readonly contextV: Bytes;
  readonly bits: number;
}

/** KDFa, SP 800-108 counter mode with HMAC (TPM 2.0 Part 1 §11.4.10.2): ceil(bits/8) bytes, the excess high bits of the first zero. */
export function kdfA(input: KdfInput & { readonly key: Bytes }): Bytes {
  const { hash, key, label, contextU, contextV, bits } = input;
  const fixed = concatBytes(utf8(`${label}\0`), contextU, contextV, uint32(bits));
  return expand(hash, bits, (counter) => createHmac(hash, key).update(uint32(counter)).update(fixed).digest());
}

/** KDFe, SP 800-56A one-step (TPM 2.0 Part 1 §11.4.10.3): ceil(bits/8) bytes, the excess high bits of the first zero. */
export function kdfE(input: KdfInput & { readonly z: Bytes }): Bytes {
  const { hash, z, label, contextU, contextV, bits } = input;
  const fixed = concatBytes(z, utf8(`${label}\0`), contextU, contextV);
  return expand(hash, bits, (counter) => digest(hash, concatBytes(uint32(counter), fixed)));
}

function expand(hash: HashName, bits: number, block: (counter: number) => Bytes): Bytes {
  const size = Math.ceil(bits / 8);
  const blocks = Array.from({ length: Math.ceil(size / DIGEST_SIZE[hash]) }, (_, index) => block(index + 1));
  const key = concatBytes(...blocks).subarray(0, size);
  if (bits % 8 !== 0) key[0] = (key[0] ?? 0) & ((1 << (bits % 8)) - 1);
  return key;
}

function uint32(value: number): Bytes {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
