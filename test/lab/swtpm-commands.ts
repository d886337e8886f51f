import { createPrimary } from '#agent/tpm/commands.ts';
import type { TpmDevice } from '#agent/tpm/device.ts';
import { type Bytes, toHex } from '#core/bytes.ts';
import { decodeEmptyResponse, EMPTY_PASSWORD, encodeCommand } from '#tpm2/commands/frame.ts';
import { decodeShutdown, encodeShutdown } from '#tpm2/commands/startup.ts';
import { RH } from '#tpm2/constants.ts';
import { templatePublic } from '#tpm2/ek-template.ts';
import { parsePublicArea, writePublicArea } from '#tpm2/public-area.ts';
import { Writer } from '#tpm2/writer.ts';

/** What a TPM's maker does and an agent never does: so these commands are the laboratory's alone. */
const MAKER_CC = { nvUndefineSpace: 0x122, nvDefineSpace: 0x12a, nvWrite: 0x137 } as const;

/** Attributes of an EK certificate's index (EK Credential Profile) without those that come later: written, and locked against writing. */
const CERTIFICATE_INDEX_ATTRIBUTES = 0x42072001;

const SHA256 = 0x000b;
const NV_CHUNK = 512;

/** The point of the P-256 EK, lower-case hex. The key is made and let go again. */
export async function readP256EndorsementKey(tpm: TpmDevice): Promise<{ readonly x: string; readonly y: string }> {
  await using key = await createPrimary(tpm, RH.endorsement, writePublicArea(templatePublic('L-2')));
  const area = parsePublicArea(key.publicArea);
  if (area.type !== 'ecc') throw new Error('not an EC key');
  return { x: toHex(area.x), y: toHex(area.y) };
}

/** Defines an NV index as a TPM's maker does, `size` bytes long, and writes `contents` into it. */
export async function writeMakerIndex(
  tpm: TpmDevice,
  index: number,
  contents: Bytes,
  { size = contents.byteLength, attributes = CERTIFICATE_INDEX_ATTRIBUTES } = {},
): Promise<void> {
  const none = new Uint8Array();
  const definition = new Writer().u32(index).u16(SHA256).u32(attributes).sized(none).u16(size).finish();
  await run(tpm, MAKER_CC.nvDefineSpace, [RH.platform], new Writer().sized(none).sized(definition).finish());
  for (let offset = 0; offset < contents.byteLength; offset += NV_CHUNK) {
    const chunk = contents.subarray(offset, offset + NV_CHUNK);
    await run(tpm, MAKER_CC.nvWrite, [RH.platform, index], new Writer().sized(chunk).u16(offset).finish());
  }
}

/** Removes an NV index that the maker defined. */
export async function removeMakerIndex(tpm: TpmDevice, index: number): Promise<void> {
  await run(tpm, MAKER_CC.nvUndefineSpace, [RH.platform, index], new Uint8Array());
}

/** TPM2_Shutdown(CLEAR): what an operating system sends before the power goes. */
export async function shutdownTpm(tpm: TpmDevice): Promise<void> {
  decodeShutdown(await tpm.transmit(encodeShutdown('clear')));
}

/** One command whose first handle is authorised by the empty password. */
async function run(tpm: TpmDevice, code: number, handles: readonly number[], parameters: Bytes): Promise<void> {
  const command = encodeCommand({ code, handles, authorizations: [EMPTY_PASSWORD], parameters });
  decodeEmptyResponse(await tpm.transmit(command), `TPM_CC ${code.toString(16)}`, 1);
}
