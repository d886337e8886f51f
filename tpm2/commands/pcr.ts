import type { Bytes } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';

import { algOfHash, CC, MAX_DIGEST_SIZE } from '../constants.ts';
import { encodePcrSelections, type PcrSelection, readPcrSelections } from '../pcr.ts';
import { Writer } from '../writer.ts';
import { decodeEmptyResponse, decodeResponse, EMPTY_PASSWORD, encodeCommand } from './frame.ts';

/** TPM2_PCR_Read. */
export function encodePcrRead(selections: readonly PcrSelection[]): Bytes {
  return encodeCommand({ code: CC.pcrRead, parameters: encodePcrSelections(selections) });
}

export interface PcrReadResult {
  /** Moves with every extend: values read in several rounds belong together only if it stayed the same. */
  readonly updateCounter: number;
  /** What was read, which may be less than what was asked for. */
  readonly selections: readonly PcrSelection[];
  /** One for each selected PCR, at most eight. */
  readonly values: readonly Bytes[];
}

const MAX_VALUES = 8;

/** PCR values, as many as there are selected PCRs in the response. Throws as `decodeResponse` does. */
export function decodePcrRead(response: Bytes): PcrReadResult {
  return decodeResponse(response, {
    what: 'TPM2_PCR_Read',
    sessions: 0,
    read: (reader) => {
      const updateCounter = reader.u32();
      const selections = readPcrSelections(reader);
      const values = Array.from({ length: reader.count(MAX_VALUES) }, () => reader.sized(MAX_DIGEST_SIZE));
      const selected = selections.reduce((sum, { pcrs }) => sum + pcrs.length, 0);
      if (values.length !== selected) throw reader.fail('count-out-of-range');
      return { updateCounter, selections, values };
    },
  });
}

/** TPM2_PCR_Extend with one digest for each bank named. */
export function encodePcrExtend(
  pcr: number,
  digests: readonly { readonly hash: HashName; readonly digest: Bytes }[],
): Bytes {
  const parameters = new Writer().u32(digests.length);
  for (const { hash, digest } of digests) parameters.u16(algOfHash(hash)).bytes(digest);
  return encodeCommand({
    code: CC.pcrExtend,
    handles: [pcr],
    authorizations: [EMPTY_PASSWORD],
    parameters: parameters.finish(),
  });
}

/** Returns if the PCR was extended; throws as `decodeResponse` does. */
export function decodePcrExtend(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_PCR_Extend', 1);
}

/** TPM2_PCR_Reset; a TPM allows it for PCR 16 and 23. */
export function encodePcrReset(pcr: number): Bytes {
  return encodeCommand({ code: CC.pcrReset, handles: [pcr], authorizations: [EMPTY_PASSWORD] });
}

/** Returns if the PCR was reset; throws as `decodeResponse` does. */
export function decodePcrReset(response: Bytes): void {
  decodeEmptyResponse(response, 'TPM2_PCR_Reset', 1);
}
