import { type Bytes, concatBytes } from '#core/bytes.ts';
import { PROPERTY } from '#tpm2/commands/capability.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { decodeNvRead, decodeNvReadPublic, encodeNvRead, encodeNvReadPublic, NV_ATTRIBUTE } from '#tpm2/commands/nv.ts';
import { RH } from '#tpm2/constants.ts';

import { readHandles, readProperty } from './commands.ts';
import type { TpmDevice } from './device.ts';

/** Largest chunk asked for, in bytes, whatever the TPM offers: every buffer on the way takes it. */
const MAX_CHUNK = 768;
/** Smallest TPM_PT_NV_BUFFER_MAX that the PC Client profile allows, for a TPM that does not say. */
const DEFAULT_CHUNK = 512;

/**
 * The whole contents of an NV index, padding included; undefined if there is no such index, if nothing was ever written to it, or if it is
 * readable neither by its own empty password nor by the owner's. Throws as the commands do.
 */
export async function readNvIndex(tpm: TpmDevice, index: number): Promise<Bytes | undefined> {
  const { attributes, dataSize } = (await readNvPublic(tpm, index)) ?? { attributes: 0, dataSize: 0 };
  if ((attributes & NV_ATTRIBUTE.written) === 0) return undefined;
  const authHandle = readerOf(attributes, index);
  if (authHandle === undefined) return undefined;
  const offered = await readProperty(tpm, PROPERTY.nvBufferMax);
  const chunkSize = Math.min(offered === undefined || offered === 0 ? DEFAULT_CHUNK : offered, MAX_CHUNK);
  const chunks: Bytes[] = [];
  for (let offset = 0; offset < dataSize; offset += chunkSize) {
    const size = Math.min(chunkSize, dataSize - offset);
    chunks.push(decodeNvRead(await tpm.transmit(encodeNvRead({ authHandle, index, size, offset }))));
  }
  return concatBytes(...chunks);
}

/** The NV indices that are defined from `first` to `last`, ascending. */
export async function nvIndicesBetween(tpm: TpmDevice, first: number, last: number): Promise<readonly number[]> {
  return (await readHandles(tpm, first, last + 1)).toSorted((a, b) => a - b);
}

async function readNvPublic(tpm: TpmDevice, index: number) {
  try {
    return decodeNvReadPublic(await tpm.transmit(encodeNvReadPublic(index))).nvPublic;
  } catch (error) {
    if (error instanceof TpmResponseError && error.code.name === 'HANDLE') return undefined;
    throw error;
  }
}

function readerOf(attributes: number, index: number): number | undefined {
  if ((attributes & NV_ATTRIBUTE.authRead) !== 0) return index;
  return (attributes & NV_ATTRIBUTE.ownerRead) !== 0 ? RH.owner : undefined;
}
