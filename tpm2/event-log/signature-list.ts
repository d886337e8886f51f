import { type Bytes, toHex } from '#core/bytes.ts';

import { Reader } from '../reader.ts';
import { GUID, GUID_SIZE, guidText } from './efi-guid.ts';

/** A signature database (PK, KEK, db, dbx or MokList): what its EFI_SIGNATURE_LISTs hold, by kind. */
export interface SignatureDatabase {
  /** The X.509 certificates as they are stored: DER that nobody has parsed. Views into the data. */
  readonly certificates: readonly Bytes[];
  /** SHA-256 (Authenticode) digests of images, lower-case hex. */
  readonly imageDigests: readonly string[];
  /** SHA-256 digests of certificates' to-be-signed parts, lower-case hex: certificates revoked by hash. */
  readonly certificateDigests: readonly string[];
  /** How many entries are of other types. */
  readonly others: number;
}

const LIST_HEADER_SIZE = 28;
const OWNER_SIZE = GUID_SIZE;
const SHA256_SIZE = 32;
const TIME_SIZE = 16;

/** Sizes of the entries' data that their type fixes. */
const FIXED_SIZE: ReadonlyMap<string, number> = new Map([
  [GUID.certSha256, SHA256_SIZE],
  [GUID.certX509Sha256, SHA256_SIZE + TIME_SIZE],
]);

/**
 * The EFI_SIGNATURE_LISTs in `bytes` (UEFI §32.4.1), one after the other to the last byte; none at all is an empty database. Every list is as
 * long as it says, and its entries fill it exactly. Throws Tpm2FormatError.
 */
export function parseSignatureDatabase(bytes: Bytes): SignatureDatabase {
  const reader = new Reader(bytes, 'EFI_SIGNATURE_LIST');
  const found = { certificates: [], imageDigests: [], certificateDigests: [], others: 0 };
  while (reader.remaining > 0) readList(reader, found);
  return found;
}

interface Found {
  readonly certificates: Bytes[];
  readonly imageDigests: string[];
  readonly certificateDigests: string[];
  others: number;
}

function readList(reader: Reader, found: Found): void {
  const type = guidText(reader.bytes(GUID_SIZE));
  const listSize = reader.u32Le();
  const headerSize = reader.u32Le();
  const entrySize = reader.u32Le();
  const size = listSize - LIST_HEADER_SIZE - headerSize;
  if (size < 0 || entrySize <= OWNER_SIZE || size % entrySize !== 0) throw reader.fail('bad-value');
  const fixed = FIXED_SIZE.get(type);
  if (fixed !== undefined && entrySize !== OWNER_SIZE + fixed) throw reader.fail('bad-value');
  reader.bytes(headerSize);
  addEntries(found, type, { entries: reader.bytes(size), entrySize });
}

interface Entries {
  /** EFI_SIGNATURE_DATA, one after the other. */
  readonly entries: Bytes;
  readonly entrySize: number;
}

function addEntries(found: Found, type: string, { entries, entrySize }: Entries): void {
  const starts = Array.from({ length: entries.byteLength / entrySize }, (_, at) => at * entrySize + OWNER_SIZE);
  // One conversion for a revocation list of hundreds of digests.
  const digests = (): readonly string[] => {
    const hex = toHex(entries);
    return starts.map((start) => hex.slice(2 * start, 2 * (start + SHA256_SIZE)));
  };
  switch (type) {
    case GUID.certX509:
      for (const start of starts) found.certificates.push(entries.subarray(start, start + entrySize - OWNER_SIZE));
      break;
    case GUID.certSha256:
      for (const digest of digests()) found.imageDigests.push(digest);
      break;
    case GUID.certX509Sha256:
      for (const digest of digests()) found.certificateDigests.push(digest);
      break;
    default:
      found.others += starts.length;
  }
}
