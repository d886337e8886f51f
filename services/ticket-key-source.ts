import type { SealingKeys } from '#core/sealing.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import { type DatedKey, parseTicketKeys, sealingKeys } from '#services/join/ticket-keys.ts';

/** The keys of a ticket key file, as it was last read. */
export interface TicketKeySource extends SealingKeys {
  /** Reads the file again. Resolves to how many keys it has; rejects, and the keys stay as they were, where it is not what it should be. */
  reload(): Promise<number>;
}

const FILE_MAX_BYTES = 4_096;

/** Rejects with ConfigError or PrivateFileError where the file is not what it should be. */
export async function openTicketKeys(file: string): Promise<TicketKeySource> {
  let keys = await readTicketKeys(file);
  return {
    ...sealingKeys(() => keys),
    reload: async () => {
      keys = await readTicketKeys(file);
      return keys.length;
    },
  };
}

/** The keys in a file that nobody else may read. Rejects with ConfigError or PrivateFileError. */
export async function readTicketKeys(file: string): Promise<readonly DatedKey[]> {
  const bytes = await readPrivateFile(file, FILE_MAX_BYTES);
  try {
    return parseTicketKeys(bytes);
  } catch {
    throw new ConfigError(file, [
      'not ticket keys: on each line 64 characters of lower-case hex, and from the second on when it seals',
    ]);
  }
}
