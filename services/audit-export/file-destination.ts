import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { AuditRecord } from '#core/audit-record.ts';

import { type Delivery, describe, type Destination, renderSome } from './destination.ts';

export interface FileDestinationOptions {
  readonly name: string;
  readonly path: string;
  /** The record as one line's JSON. */
  readonly render: (record: AuditRecord) => string;
}

const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
/** Readable by the group of its directory's owner's choice: a log shipper is another user. */
const MODE = 0o640;
const NEWLINE = 0x0a;

/**
 * One JSON document a line, on the disk when it counts as delivered. The file is opened for each delivery: one that was renamed or removed is
 * made anew without a signal, and none that was rotated away is written to later.
 */
export function fileDestination({ name, path, render }: FileDestinationOptions): Destination {
  return {
    name,
    kind: 'file',
    place: path,
    deliver: async (records): Promise<Delivery> => {
      const lines = renderSome(records, (record) => Buffer.from(`${render(record)}\n`, 'utf8'));
      try {
        await append(path, lines);
        return { ok: true, records: lines.length };
      } catch (error) {
        return { ok: false, kind: 'storage', detail: describe(error) };
      }
    },
    [Symbol.dispose]: () => undefined,
  };
}

async function append(path: string, lines: readonly Buffer[]): Promise<void> {
  // A pipe or a device would let us wait for ever.
  await using file = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, MODE);
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error(`${path}: not a regular file`);
  // A process that died, or a disk that was full, left half a line: what follows begins a new one.
  const torn = stats.size > 0 && !(await endsWithNewline(file, stats.size));
  await file.appendFile(Buffer.concat(torn ? [Buffer.from('\n'), ...lines] : lines));
  await file.sync();
  if (stats.size === 0) await syncDirectory(dirname(path));
}

async function endsWithNewline(file: FileHandle, size: number): Promise<boolean> {
  const last = Buffer.alloc(1);
  const { bytesRead } = await file.read(last, 0, 1, size - 1);
  return bytesRead === 1 && last[0] === NEWLINE;
}

/** A new file is there after a power failure only when its directory is on the disk too. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY);
  await directory.sync();
}
