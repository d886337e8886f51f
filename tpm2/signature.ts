import { type Bytes, concatBytes, toHex } from '#core/bytes.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';

import { readHash } from './algorithms.ts';
import { ALG, CURVE, type CurveName } from './constants.ts';
import { Tpm2FormatError } from './format-error.ts';
import { leftPad } from './public-key.ts';
import { Reader } from './reader.ts';

export interface RsaSignature {
  readonly scheme: 'rsassa' | 'rsapss';
  readonly hash: HashName;
  /** Not checked against the modulus' length. */
  readonly signature: Bytes;
}

/** r and s big-endian; a TPM may have stripped leading zeros. `ecdsaP1363` checks and pads them. */
export interface EccSignature {
  readonly scheme: 'ecdsa' | 'ecdaa' | 'sm2' | 'ecschnorr';
  readonly hash: HashName;
  readonly r: Bytes;
  readonly s: Bytes;
}

/** TPMT_SIGNATURE. The kinds that no verifier should accept are named, so that it can say which one it refused. */
export type TpmSignature =
  | RsaSignature
  | EccSignature
  | { readonly scheme: 'hmac'; readonly hash: HashName; readonly mac: Bytes }
  | { readonly scheme: 'null' };

/** Largest RSA modulus in bytes. */
const MAX_RSA_SIZE = 512;
const MAX_COORDINATE_SIZE = 66;

/** The TPMT_SIGNATURE in `bytes`, complete and with nothing after it. Throws Tpm2FormatError; an unheard-of scheme or hash is 'unknown-selector'. */
export function parseSignature(bytes: Bytes): TpmSignature {
  const reader = new Reader(bytes, 'TPMT_SIGNATURE');
  const signature = readSignature(reader);
  reader.end();
  return signature;
}

/** TPMT_SIGNATURE, with whatever follows it left unread. */
export function readSignature(reader: Reader): TpmSignature {
  switch (reader.u16()) {
    case ALG.null:
      return { scheme: 'null' };
    case ALG.hmac: {
      const hash = readHash(reader);
      return { scheme: 'hmac', hash, mac: reader.bytes(DIGEST_SIZE[hash]) };
    }
    case ALG.rsassa:
      return { scheme: 'rsassa', hash: readHash(reader), signature: reader.sized(MAX_RSA_SIZE) };
    case ALG.rsapss:
      return { scheme: 'rsapss', hash: readHash(reader), signature: reader.sized(MAX_RSA_SIZE) };
    case ALG.ecdsa:
      return { scheme: 'ecdsa', ...readPair(reader) };
    case ALG.ecdaa:
      return { scheme: 'ecdaa', ...readPair(reader) };
    case ALG.sm2:
      return { scheme: 'sm2', ...readPair(reader) };
    case ALG.ecschnorr:
      return { scheme: 'ecschnorr', ...readPair(reader) };
    default:
      throw reader.fail('unknown-selector');
  }
}

/**
 * r ‖ s, each as wide as the curve's field: what node:crypto takes as dsaEncoding 'ieee-p1363'. Both are in [1, n-1] on return; otherwise
 * Tpm2FormatError, 'size-out-of-range' for one wider than the field and 'bad-value' for one out of range.
 */
export function ecdsaP1363(signature: Pick<EccSignature, 'r' | 's'>, curve: CurveName): Bytes {
  const { size, order } = CURVE[curve];
  const parts = [signature.r, signature.s].map((part) => {
    const padded = leftPad(part, size);
    const value = BigInt(`0x${toHex(padded)}`);
    if (value === 0n || value >= order) throw new Tpm2FormatError('bad-value', 0, 'ECDSA signature');
    return padded;
  });
  return concatBytes(...parts);
}

function readPair(reader: Reader): { readonly hash: HashName; readonly r: Bytes; readonly s: Bytes } {
  return { hash: readHash(reader), r: reader.sized(MAX_COORDINATE_SIZE), s: reader.sized(MAX_COORDINATE_SIZE) };
}
