import { open, rename, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { Bytes } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { PrivateFileError } from '#pki/private-file.ts';
import { ConfigError } from '#services/config/strict-document.ts';
import { type DatedKey, ticketKey, usableKeys, writeTicketKeys } from '#services/join/ticket-keys.ts';
import { readTicketKeys } from '#services/ticket-key-source.ts';

import type { CommandTerminal } from './command-terminal.ts';

export interface RotateOptions {
  readonly key: string;
  /** Minutes until the new key seals: the time in which every replica is to be given the file. */
  readonly afterMinutes: number;
  /** The keys before leave the file, and the new one seals as soon as it is read: for a key that somebody else may have. */
  readonly atOnce: boolean;
}

const KEY_BYTES = 32;
const MINUTE_MS = 60_000;
const AFTER_MINUTES = { min: 1, max: 10_080 } as const;

/**
 * Adds a key to a ticket key file, and takes out those that nothing is opened with any more. The file is whole, on disk, and whoever owned it
 * owns it, when the promise resolves. Rejects with CommandFailure, with the file as it was: also while a key's time is still to come.
 */
export async function rotateTicketKey(options: RotateOptions, terminal: CommandTerminal): Promise<void> {
  const { atOnce, afterMinutes } = options;
  if (!atOnce && !(afterMinutes >= AFTER_MINUTES.min && afterMinutes <= AFTER_MINUTES.max)) {
    throw new CommandFailure(EXIT.usage, `--after takes ${AFTER_MINUTES.min} to ${AFTER_MINUTES.max} minutes`);
  }
  const file = resolve(terminal.workingDirectory, options.key);
  const keys = await readKeys(file);
  const added = ticketKey(systemRandom(KEY_BYTES));
  if (atOnce) {
    await replaceKeepingOwner(file, writeTicketKeys([{ key: added, sealsFrom: undefined }]));
    terminal.out(
      `${options.key} has a new key and no other. Give the file to every replica, and restart or SIGHUP each at once: what was sealed before, or by a replica that has it not yet, is opened no more, and those agents begin anew.\n`,
    );
    return;
  }
  const at = terminal.now();
  const pending = keys.slice(1).findLast(({ sealsFrom }) => sealsFrom !== undefined && sealsFrom > at);
  if (pending?.sealsFrom !== undefined) {
    throw new CommandFailure(
      EXIT.usage,
      `${options.key} has a key already that seals from ${pending.sealsFrom.toISOString()} on`,
      'Wait until then; where a key is known to somebody else, use --at-once.',
    );
  }
  // Up to the next whole second: the file has no smaller unit, and a key must not seal before it says.
  const sealsFrom = new Date(Math.ceil((at.getTime() + afterMinutes * MINUTE_MS) / 1_000) * 1_000);
  await replaceKeepingOwner(file, writeTicketKeys([...usableKeys(keys, at), { key: added, sealsFrom }]));
  terminal.out(
    `${options.key} has a new key, which seals from ${sealsFrom.toISOString()} on. Until then give the file to every replica (mode 0600), and have each read it: systemctl reload muster, or SIGHUP.\n`,
  );
}

async function readKeys(file: string): Promise<readonly DatedKey[]> {
  try {
    return await readTicketKeys(file);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof PrivateFileError) {
      throw new CommandFailure(EXIT.configuration, error.message);
    }
    throw new CommandFailure(EXIT.configuration, `${file} cannot be read`);
  }
}

/** An administrator may rotate what the service's user owns. */
async function replaceKeepingOwner(path: string, bytes: Bytes): Promise<void> {
  const { uid, gid } = await stat(path);
  const draft = `${path}.new`;
  {
    await using file = await open(draft, 'w', 0o600);
    await file.chmod(0o600);
    if (process.geteuid?.() === 0) await file.chown(uid, gid);
    await file.writeFile(bytes);
    await file.sync();
  }
  await rename(draft, path);
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
}
