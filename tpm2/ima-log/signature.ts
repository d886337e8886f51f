import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { Reader } from '../reader.ts';

/** A file signature as security.ima or security.evm holds it (Linux, signature_v2_hdr). Not verified. */
export interface ImaSignature {
  /** What is signed: the file's digest, the file's EVM digest, or a structure with the file's fs-verity digest. */
  readonly kind: 'ima' | 'evm-portable' | 'verity';
  readonly version: 2 | 3;
  readonly hash: HashName;
  /** Last four bytes of the key's subject key identifier. Names a key, does not prove one. */
  readonly keyId: Bytes;
  readonly signature: Bytes;
}

const KIND = new Map([
  [0x03, 'ima'],
  [0x05, 'evm-portable'],
  [0x06, 'verity'],
] as const);

/** enum hash_algo of the kernel's user-space interface, as far as this system verifies. */
const HASH = new Map([
  [2, 'sha1'],
  [4, 'sha256'],
  [5, 'sha384'],
  [6, 'sha512'],
] as const);

const KEY_ID_SIZE = 4;

/** The signature in a `sig` or `evmsig` field, whose size field counts exactly the bytes there are. Throws Tpm2FormatError. */
export function parseImaSignature(bytes: Bytes): ImaSignature {
  const reader = new Reader(bytes, 'imasig');
  const kind = lookUp(KIND, reader.u8());
  const version = reader.u8();
  const hash = lookUp(HASH, reader.u8());
  // Only fs-verity digests are signed in version 3, and only in it.
  if (kind === undefined || hash === undefined || version !== (kind === 'verity' ? 3 : 2)) {
    throw reader.fail('unknown-selector');
  }
  const keyId = reader.bytes(KEY_ID_SIZE);
  const signature = reader.sized();
  reader.end();
  return { kind, version, hash, keyId, signature };
}

function lookUp<Value>(table: ReadonlyMap<number, Value>, key: number): Value | undefined {
  return table.get(key);
}
