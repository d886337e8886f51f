import type { HashName } from '#core/digest.ts';

import { ALG, algOfHash, hashNameOf } from './constants.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** TPMT_SYM_DEF_OBJECT. AES in CFB mode is the only cipher that a TPM's storage keys need here. */
export type SymmetricDefinition = { readonly kind: 'null' } | { readonly kind: 'aes-cfb'; readonly keyBits: 128 | 256 };

type HashedScheme = 'rsassa' | 'rsapss' | 'oaep' | 'ecdsa' | 'ecdh' | 'sm2' | 'ecschnorr' | 'ecmqv';

/** TPMT_RSA_SCHEME or TPMT_ECC_SCHEME. */
export type AsymmetricScheme =
  | { readonly kind: 'null' }
  | { readonly kind: 'rsaes' }
  | { readonly kind: HashedScheme; readonly hash: HashName }
  | { readonly kind: 'ecdaa'; readonly hash: HashName; readonly count: number };

/** TPMT_KDF_SCHEME. */
export type KdfScheme =
  | { readonly kind: 'null' }
  | { readonly kind: 'kdf1-sp800-56a' | 'kdf2' | 'kdf1-sp800-108'; readonly hash: HashName };

/** A TPMI_ALG_HASH that this system computes; any other is 'unknown-selector'. */
export function readHash(reader: Reader): HashName {
  const name = hashNameOf(reader.u16());
  if (name === undefined) throw reader.fail('unknown-selector');
  return name;
}

/** TPMT_SYM_DEF_OBJECT: NULL, AES-128-CFB or AES-256-CFB; everything else is 'unknown-selector'. */
export function readSymmetric(reader: Reader): SymmetricDefinition {
  const alg = reader.u16();
  if (alg === ALG.null) return { kind: 'null' };
  const keyBits = reader.u16();
  const mode = reader.u16();
  if (alg !== ALG.aes || (keyBits !== 128 && keyBits !== 256) || mode !== ALG.cfb) {
    throw reader.fail('unknown-selector');
  }
  return { kind: 'aes-cfb', keyBits };
}

/** Writes what `readSymmetric` reads. */
export function writeSymmetric(writer: Writer, symmetric: SymmetricDefinition): Writer {
  if (symmetric.kind === 'null') return writer.u16(ALG.null);
  return writer.u16(ALG.aes).u16(symmetric.keyBits).u16(ALG.cfb);
}

const RSA_SCHEMES: ReadonlyMap<number, HashedScheme> = new Map([
  [ALG.rsassa, 'rsassa'],
  [ALG.rsapss, 'rsapss'],
  [ALG.oaep, 'oaep'],
]);
const ECC_SCHEMES: ReadonlyMap<number, HashedScheme> = new Map([
  [ALG.ecdsa, 'ecdsa'],
  [ALG.ecdh, 'ecdh'],
  [ALG.sm2, 'sm2'],
  [ALG.ecschnorr, 'ecschnorr'],
  [ALG.ecmqv, 'ecmqv'],
]);

/** TPMT_RSA_SCHEME; a scheme of another key type is 'unknown-selector'. */
export function readRsaScheme(reader: Reader): AsymmetricScheme {
  const alg = reader.u16();
  if (alg === ALG.null) return { kind: 'null' };
  if (alg === ALG.rsaes) return { kind: 'rsaes' };
  const kind = RSA_SCHEMES.get(alg);
  if (kind === undefined) throw reader.fail('unknown-selector');
  return { kind, hash: readHash(reader) };
}

/** TPMT_ECC_SCHEME; a scheme of another key type is 'unknown-selector'. */
export function readEccScheme(reader: Reader): AsymmetricScheme {
  const alg = reader.u16();
  if (alg === ALG.null) return { kind: 'null' };
  if (alg === ALG.ecdaa) return { kind: 'ecdaa', hash: readHash(reader), count: reader.u16() };
  const kind = ECC_SCHEMES.get(alg);
  if (kind === undefined) throw reader.fail('unknown-selector');
  return { kind, hash: readHash(reader) };
}

/** Writes TPMT_RSA_SCHEME, TPMT_ECC_SCHEME or TPMT_SIG_SCHEME. */
export function writeScheme(writer: Writer, scheme: AsymmetricScheme): Writer {
  writer.u16(ALG[scheme.kind]);
  if (scheme.kind === 'null' || scheme.kind === 'rsaes') return writer;
  writer.u16(algOfHash(scheme.hash));
  return scheme.kind === 'ecdaa' ? writer.u16(scheme.count) : writer;
}

const KDF_ALG = { 'kdf1-sp800-56a': ALG.kdf1Sp80056a, kdf2: ALG.kdf2, 'kdf1-sp800-108': ALG.kdf1Sp800108 } as const;

/** TPMT_KDF_SCHEME. */
export function readKdfScheme(reader: Reader): KdfScheme {
  const alg = reader.u16();
  switch (alg) {
    case ALG.null:
      return { kind: 'null' };
    case ALG.kdf1Sp80056a:
      return { kind: 'kdf1-sp800-56a', hash: readHash(reader) };
    case ALG.kdf2:
      return { kind: 'kdf2', hash: readHash(reader) };
    case ALG.kdf1Sp800108:
      return { kind: 'kdf1-sp800-108', hash: readHash(reader) };
    default:
      throw reader.fail('unknown-selector');
  }
}

/** Writes what `readKdfScheme` reads. */
export function writeKdfScheme(writer: Writer, kdf: KdfScheme): Writer {
  if (kdf.kind === 'null') return writer.u16(ALG.null);
  return writer.u16(KDF_ALG[kdf.kind]).u16(algOfHash(kdf.hash));
}
