import { type Bytes, equalBytes, utf8 } from '#core/bytes.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';

import { ALG, hashNameOf } from '../constants.ts';
import { Reader } from '../reader.ts';

/** A digest algorithm that the log's events may carry. */
export interface LogAlgorithm {
  readonly alg: number;
  /** Undefined for one that this system does not compute; its digests are skipped. */
  readonly hash: HashName | undefined;
  /** Bytes in a digest. */
  readonly size: number;
}

/** TCG_EfiSpecIDEvent (PC Client Platform Firmware Profile §10.4.5.1). No PCR covers it. */
export interface SpecId {
  readonly platformClass: number;
  readonly specVersion: { readonly major: number; readonly minor: number; readonly errata: number };
  /** Distinct. */
  readonly algorithms: readonly LogAlgorithm[];
  readonly vendorInfo: Bytes;
}

const SIGNATURE = utf8('Spec ID Event03\0');
const MAX_ALGORITHMS = 16;
const MAX_DIGEST = 64;

/** True when an event's data starts as a TCG_EfiSpecIDEvent does. */
export function isSpecId(data: Bytes): boolean {
  return data.byteLength >= SIGNATURE.byteLength && equalBytes(data.subarray(0, SIGNATURE.byteLength), SIGNATURE);
}

/**
 * The TCG_EfiSpecIDEvent in `data`, which holds nothing else: major version 2, at least one algorithm, none twice, and the digest sizes of
 * the known ones as they are. Throws Tpm2FormatError.
 */
export function parseSpecId(data: Bytes, base: number): SpecId {
  const reader = new Reader(data, 'TCG_EfiSpecIDEvent', base);
  reader.bytes(SIGNATURE.byteLength);
  const platformClass = reader.u32Le();
  const minor = reader.u8();
  const major = reader.u8();
  const errata = reader.u8();
  const uintnSize = reader.u8();
  if (major !== 2 || (uintnSize !== 1 && uintnSize !== 2)) throw reader.fail('bad-value');
  const algorithms = readAlgorithms(reader);
  const vendorInfo = reader.bytes(reader.u8());
  reader.end();
  return { platformClass, specVersion: { major, minor, errata }, algorithms, vendorInfo };
}

function readAlgorithms(reader: Reader): readonly LogAlgorithm[] {
  const count = reader.u32Le();
  if (count === 0 || count > MAX_ALGORITHMS) throw reader.fail('count-out-of-range');
  const algorithms = Array.from({ length: count }, () => readAlgorithm(reader));
  if (new Set(algorithms.map(({ alg }) => alg)).size !== count) throw reader.fail('bad-value');
  return algorithms;
}

function readAlgorithm(reader: Reader): LogAlgorithm {
  const alg = reader.u16Le();
  const size = reader.u16Le();
  const hash = hashNameOf(alg);
  const expected = hash === undefined ? OTHER_DIGEST_SIZE.get(alg) : DIGEST_SIZE[hash];
  if (size === 0 || size > MAX_DIGEST || (expected !== undefined && size !== expected)) throw reader.fail('bad-value');
  return { alg, hash, size };
}

const OTHER_DIGEST_SIZE: ReadonlyMap<number, number> = new Map([
  [ALG.sm3, 32],
  [ALG.sha3_256, 32],
  [ALG.sha3_384, 48],
  [ALG.sha3_512, 64],
]);
