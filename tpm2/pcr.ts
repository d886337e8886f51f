import { type Bytes, concatBytes } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';

import { algOfHash, hashNameOf } from './constants.ts';
import type { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Number of PCRs on a PC Client TPM. */
export const PCR_COUNT = 24;

/** sizeofSelect on a PC Client TPM: 24 PCRs. */
export const PCR_SELECT_SIZE = 3;

const MAX_SELECTIONS = 16;
/** Banks may select up to 32 PCRs; no TPM has more. */
const MAX_SELECT_SIZE = 4;

/** TPMS_PCR_SELECTION: PCRs of one bank. */
export interface PcrSelection {
  /** The bank; a TPM_ALG_ID where this system does not compute the hash. */
  readonly hash: HashName | number;
  /** Bytes in the bitmap. */
  readonly sizeofSelect: number;
  /** Ascending, without duplicates. */
  readonly pcrs: readonly number[];
}

/** The usual selection of PCRs of one bank, three bytes wide, as an agent asks for it. PCRs are sorted; duplicates count once. */
export function pcrSelection(hash: HashName, pcrs: Iterable<number>): PcrSelection {
  return { hash, sizeofSelect: PCR_SELECT_SIZE, pcrs: [...new Set(pcrs)].toSorted((a, b) => a - b) };
}

/** TPML_PCR_SELECTION, at most 16 entries. The order, repeated banks and empty bitmaps are kept as they are: a verifier compares them. */
export function readPcrSelections(reader: Reader): readonly PcrSelection[] {
  return Array.from({ length: reader.count(MAX_SELECTIONS) }, () => readPcrSelection(reader));
}

/** TPML_PCR_SELECTION. A PCR that does not fit in sizeofSelect throws RangeError. */
export function writePcrSelections(writer: Writer, selections: readonly PcrSelection[]): Writer {
  writer.u32(selections.length);
  for (const { hash, sizeofSelect, pcrs } of selections) {
    const bitmap = new Uint8Array(sizeofSelect);
    for (const pcr of pcrs) {
      const at = pcr >>> 3;
      const octet = bitmap[at];
      if (octet === undefined) throw new RangeError(`PCR ${pcr} does not fit in ${sizeofSelect} bytes`);
      bitmap[at] = octet | (1 << (pcr & 7));
    }
    writer
      .u16(typeof hash === 'number' ? hash : algOfHash(hash))
      .u8(sizeofSelect)
      .bytes(bitmap);
  }
  return writer;
}

/** The encoding of TPML_PCR_SELECTION. Two selections are the same to a TPM exactly when these bytes are equal. */
export function encodePcrSelections(selections: readonly PcrSelection[]): Bytes {
  return writePcrSelections(new Writer(), selections).finish();
}

/**
 * A quote's pcrDigest: the digest of the PCR values one after the other, in the order of the selection list and ascending within an
 * entry. The hash is the signing scheme's, not the bank's. The caller has checked each value's length, for the concatenation hides it.
 */
export function pcrComposite(signingHash: HashName, values: readonly Bytes[]): Bytes {
  return digest(signingHash, concatBytes(...values));
}

function readPcrSelection(reader: Reader): PcrSelection {
  const alg = reader.u16();
  const sizeofSelect = reader.u8();
  if (sizeofSelect > MAX_SELECT_SIZE) throw reader.fail('size-out-of-range');
  const pcrs: number[] = [];
  reader.bytes(sizeofSelect).forEach((octet, index) => {
    for (let bit = 0; bit < 8; bit++) if ((octet & (1 << bit)) !== 0) pcrs.push(index * 8 + bit);
  });
  return { hash: hashNameOf(alg) ?? alg, sizeofSelect, pcrs };
}
