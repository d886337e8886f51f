import { readHandles } from '#agent/tpm/commands.ts';
import type { TpmDevice } from '#agent/tpm/device.ts';
import type { Bytes } from '#core/bytes.ts';

/** Everything in the TPM that a client may have left there: transient objects, loaded sessions and saved sessions. */
export async function handlesInUse(tpm: TpmDevice): Promise<readonly number[]> {
  const objects = await readHandles(tpm, 0x80000000, 0x81000000);
  // Asked for loaded sessions (02) or saved ones (03), a TPM answers with each session's own handle, whose first byte is its kind.
  const loaded = await readHandles(tpm, 0x02000000, 0x04000000);
  const saved = await readHandles(tpm, 0x03000000, 0x04000000);
  return [...new Set([...objects, ...loaded, ...saved])];
}

/** The command code of a command. */
export const commandCode = (command: Bytes): number =>
  Buffer.from(command.buffer, command.byteOffset, command.byteLength).readUInt32BE(6);

/** A TPM that answers one kind of command as `respond` says instead of carrying it out; undefined lets it through. */
export function interceptedTpm(
  tpm: TpmDevice,
  code: number,
  respond: (command: Bytes) => Promise<Bytes | undefined> | Bytes | undefined,
): TpmDevice {
  return {
    transmit: async (command) => {
      const instead = commandCode(command) === code ? await respond(command) : undefined;
      return instead ?? (await tpm.transmit(command));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A response that is nothing but this response code. */
export function responseOf(rc: number): Bytes {
  const response = Buffer.from('80010000000a00000000', 'hex');
  response.writeUInt32BE(rc, 6);
  return response;
}
