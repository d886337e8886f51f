import { type CurveName, type PublicKey } from './public-key.ts';

/** Which public keys are good enough. A set that is left empty refuses its whole kind. */
export interface KeyPolicy {
  readonly curves: ReadonlySet<CurveName>;
  /** Bounds on the modulus, inclusive, in bits, and the number it must be a multiple of; undefined refuses RSA. */
  readonly rsaBits: { readonly min: number; readonly max: number; readonly multipleOf: number } | undefined;
  /** `f4` is 65537 alone; `odd` is any odd number from 3 to 2^32 − 1, for keys that others chose long ago. */
  readonly rsaExponent: 'f4' | 'odd';
  readonly ed25519: boolean;
}

/** What path validation accepts in the certificates of others: P-256, P-384, P-521, RSA of 2048 to 4096 bits with exponent 65537. */
export const CHAIN_KEYS: KeyPolicy = {
  curves: new Set<CurveName>(['P-256', 'P-384', 'P-521']),
  rsaBits: { min: 2048, max: 4096, multipleOf: 8 },
  rsaExponent: 'f4',
  ed25519: false,
};

/** What a certificate may be issued for: P-256, P-384, RSA of 2048 to 4096 bits with exponent 65537. */
export const REQUEST_KEYS: KeyPolicy = { ...CHAIN_KEYS, curves: new Set<CurveName>(['P-256', 'P-384']) };

export type KeyDenialCode = 'key-type-refused' | 'key-size-refused' | 'key-exponent-refused';

/** Why `policy` refuses `key`; undefined when it does not. Reads sizes only: no arithmetic is done on the key. */
export function keyDenial(key: PublicKey, policy: KeyPolicy): KeyDenialCode | undefined {
  switch (key.type) {
    case 'ec':
      return policy.curves.has(key.curve) ? undefined : 'key-type-refused';
    case 'ed25519':
      return policy.ed25519 ? undefined : 'key-type-refused';
    case 'unsupported':
      return 'key-type-refused';
    case 'rsa': {
      if (policy.rsaBits === undefined) return 'key-type-refused';
      const { min, max, multipleOf } = policy.rsaBits;
      const bits = key.modulusBits;
      if (bits < min || bits > max || bits % multipleOf !== 0) return 'key-size-refused';
      return exponentAllowed(key.exponent, policy.rsaExponent) ? undefined : 'key-exponent-refused';
    }
  }
}

function exponentAllowed(exponent: Uint8Array, rule: KeyPolicy['rsaExponent']): boolean {
  if (exponent.byteLength > 4) return false;
  let value = 0;
  for (const byte of exponent) value = value * 256 + byte;
  return rule === 'f4' ? value === 65537 : value >= 3 && value % 2 === 1;
}
