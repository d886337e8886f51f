import { type Bytes, equalBytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import { unreachable } from '#core/never.ts';

import {
  type AsymmetricScheme,
  type KdfScheme,
  readEccScheme,
  readHash,
  readKdfScheme,
  readRsaScheme,
  readSymmetric,
  type SymmetricDefinition,
  writeKdfScheme,
  writeScheme,
  writeSymmetric,
} from './algorithms.ts';
import {
  ALG,
  algOfHash,
  CURVE,
  type CurveName,
  curveNameOf,
  MAX_DIGEST_SIZE,
  OBJECT_ATTRIBUTE,
  OBJECT_ATTRIBUTE_MASK,
} from './constants.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

interface PublicAreaBase {
  readonly nameAlg: HashName;
  /** TPMA_OBJECT; reserved bits are zero. Ask with `hasAttributes`. */
  readonly attributes: number;
  /** Empty, or a digest of `nameAlg`. */
  readonly authPolicy: Bytes;
}

export interface RsaPublicArea extends PublicAreaBase {
  readonly type: 'rsa';
  readonly symmetric: SymmetricDefinition;
  readonly scheme: AsymmetricScheme;
  readonly keyBits: number;
  /** As encoded: 0 stands for 65537. */
  readonly exponent: number;
  /** Big-endian; in a template empty, zeros or a nonce. */
  readonly modulus: Bytes;
}

export interface EccPublicArea extends PublicAreaBase {
  readonly type: 'ecc';
  readonly symmetric: SymmetricDefinition;
  readonly scheme: AsymmetricScheme;
  readonly curve: CurveName;
  readonly kdf: KdfScheme;
  /** At most the field's size; a TPM may have stripped leading zeros. Not checked to be on the curve: `publicAreaKey` does. */
  readonly x: Bytes;
  readonly y: Bytes;
}

export interface KeyedHashPublicArea extends PublicAreaBase {
  readonly type: 'keyedhash';
  readonly scheme:
    | { readonly kind: 'null' }
    | { readonly kind: 'hmac'; readonly hash: HashName }
    | { readonly kind: 'xor'; readonly hash: HashName; readonly kdf: number };
  readonly unique: Bytes;
}

/** TPMT_PUBLIC: of an object, or a template for one. */
export type PublicArea = RsaPublicArea | EccPublicArea | KeyedHashPublicArea;

const RSA_KEY_BITS: readonly number[] = [1024, 2048, 3072, 4096];

/**
 * The TPMT_PUBLIC in `bytes`, which are exactly its encoding: no byte is left over, reserved attribute bits are zero, and writing the
 * result gives `bytes` again. It does not establish that the key is a valid one (`publicAreaKey`), nor that a TPM holds it.
 * Throws Tpm2FormatError; algorithms that this system does not use are 'unknown-selector'.
 */
export function parsePublicArea(bytes: Bytes): PublicArea {
  const reader = new Reader(bytes, 'TPMT_PUBLIC');
  const area = readPublicArea(reader);
  reader.end();
  // A Name is a digest of the encoding, so two encodings of one area would be two names for it.
  if (!equalBytes(writePublicArea(area), bytes)) throw reader.fail('not-canonical');
  return area;
}

/** TPMT_PUBLIC, with no TPM2B size before it. */
export function writePublicArea(area: PublicArea): Bytes {
  const writer = new Writer();
  const type = { rsa: ALG.rsa, ecc: ALG.ecc, keyedhash: ALG.keyedHash }[area.type];
  writer.u16(type).u16(algOfHash(area.nameAlg)).u32(area.attributes).sized(area.authPolicy);
  switch (area.type) {
    case 'rsa':
      writeScheme(writeSymmetric(writer, area.symmetric), area.scheme);
      return writer.u16(area.keyBits).u32(area.exponent).sized(area.modulus).finish();
    case 'ecc':
      writeScheme(writeSymmetric(writer, area.symmetric), area.scheme).u16(CURVE[area.curve].id);
      return writeKdfScheme(writer, area.kdf).sized(area.x).sized(area.y).finish();
    case 'keyedhash':
      writer.u16(ALG[area.scheme.kind]);
      if (area.scheme.kind !== 'null') writer.u16(algOfHash(area.scheme.hash));
      if (area.scheme.kind === 'xor') writer.u16(area.scheme.kdf);
      return writer.sized(area.unique).finish();
    default:
      return unreachable(area);
  }
}

type AttributeName = keyof typeof OBJECT_ATTRIBUTE;

/** True when every named attribute bit is set. */
export function hasAttributes(area: PublicArea, ...names: readonly AttributeName[]): boolean {
  return names.every((name) => (area.attributes & OBJECT_ATTRIBUTE[name]) !== 0);
}

/** True when at least one of the named attribute bits is set. */
export function hasAnyAttribute(area: PublicArea, ...names: readonly AttributeName[]): boolean {
  return names.some((name) => (area.attributes & OBJECT_ATTRIBUTE[name]) !== 0);
}

function readPublicArea(reader: Reader): PublicArea {
  const type = reader.u16();
  const nameAlg = readHash(reader);
  const attributes = reader.u32();
  if ((attributes & ~OBJECT_ATTRIBUTE_MASK) !== 0) throw reader.fail('reserved-bits-set');
  const authPolicy = reader.sized(MAX_DIGEST_SIZE);
  const base = { nameAlg, attributes, authPolicy };
  switch (type) {
    case ALG.rsa:
      return readRsa(reader, base);
    case ALG.ecc:
      return readEcc(reader, base);
    case ALG.keyedHash:
      return { type: 'keyedhash', ...base, scheme: readKeyedHashScheme(reader), unique: reader.sized(MAX_DIGEST_SIZE) };
    default:
      throw reader.fail('unknown-selector');
  }
}

function readRsa(reader: Reader, base: PublicAreaBase): RsaPublicArea {
  const symmetric = readSymmetric(reader);
  const scheme = readRsaScheme(reader);
  const keyBits = reader.u16();
  if (!RSA_KEY_BITS.includes(keyBits)) throw reader.fail('unknown-selector');
  return {
    type: 'rsa',
    ...base,
    symmetric,
    scheme,
    keyBits,
    exponent: reader.u32(),
    modulus: reader.sized(keyBits / 8),
  };
}

function readEcc(reader: Reader, base: PublicAreaBase): EccPublicArea {
  const symmetric = readSymmetric(reader);
  const scheme = readEccScheme(reader);
  const curve = curveNameOf(reader.u16());
  if (curve === undefined) throw reader.fail('unknown-selector');
  const kdf = readKdfScheme(reader);
  const { size } = CURVE[curve];
  return { type: 'ecc', ...base, symmetric, scheme, curve, kdf, x: reader.sized(size), y: reader.sized(size) };
}

function readKeyedHashScheme(reader: Reader): KeyedHashPublicArea['scheme'] {
  switch (reader.u16()) {
    case ALG.null:
      return { kind: 'null' };
    case ALG.hmac:
      return { kind: 'hmac', hash: readHash(reader) };
    case ALG.xor:
      return { kind: 'xor', hash: readHash(reader), kdf: reader.u16() };
    default:
      throw reader.fail('unknown-selector');
  }
}
