import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { Bytes } from '#core/bytes.ts';

import { Snapshot, type SnapshotRefusal } from '../snapshot.ts';
import { verifyStatement } from '../signed-statement.ts';
import { StatementFormatError } from '../statement-format-error.ts';
import { appendToFile, replaceFile } from './durable-file.ts';

/** What was on disk. A file of which any statement but a cut-off last one does not verify is refused whole. */
export type LoadedSnapshot =
  | { readonly kind: 'none' }
  | { readonly kind: 'loaded'; readonly snapshot: Snapshot }
  | { readonly kind: 'refused'; readonly reason: 'signature-wrong' | SnapshotRefusal | StatementFormatError['code'] };

/** Changes that may follow the whole snapshot before a new whole one is due, in bytes, where the whole one is smaller. */
const CHANGES_MAX_BYTES = 8_388_608;

/**
 * The statements that the service signed, one after the other: a whole snapshot and what changed since. What is read from it was verified
 * again, with the same key, whoever has had the disk since.
 */
export class SnapshotFile {
  readonly #path: string;
  readonly #key: KeyObject;
  #length = 0;
  #wholeLength = 0;
  #isSound = false;

  constructor(path: string, key: KeyObject) {
    this.#path = path;
    this.#key = key;
  }

  /** True where the next statement must be a whole one: nothing sound is on disk, or too much would have to be replayed. */
  get needsWhole(): boolean {
    return !this.#isSound || this.#length - this.#wholeLength > Math.max(CHANGES_MAX_BYTES, this.#wholeLength);
  }

  /** Reads and verifies the file. Rejects when it is there and cannot be read. */
  async load(): Promise<LoadedSnapshot> {
    const bytes = await readIfThere(this.#path);
    if (bytes === undefined) return { kind: 'none' };
    let snapshot: Snapshot | undefined;
    while (this.#length < bytes.byteLength) {
      const next = this.#readNext(bytes, snapshot);
      if (next === 'incomplete' && snapshot !== undefined) break;
      if (typeof next === 'string') return { kind: 'refused', reason: next };
      snapshot = next;
    }
    if (snapshot === undefined) return { kind: 'refused', reason: 'incomplete' };
    this.#isSound = true;
    return { kind: 'loaded', snapshot };
  }

  /** Puts a statement that was verified and applied on disk. After a rejection `needsWhole` is true: what is on disk may have a gap. */
  async save(statement: Bytes, isWhole: boolean): Promise<void> {
    const { isSound, length } = { isSound: this.#isSound, length: this.#length };
    this.#isSound = false;
    if (isWhole) await replaceFile(this.#path, statement);
    else if (isSound) await appendToFile(this.#path, length, statement);
    else return;
    this.#wholeLength = isWhole ? statement.byteLength : this.#wholeLength;
    this.#length = isWhole ? statement.byteLength : length + statement.byteLength;
    this.#isSound = true;
  }

  #readNext(bytes: Bytes, before: Snapshot | undefined): Snapshot | (LoadedSnapshot & { kind: 'refused' })['reason'] {
    try {
      const verified = verifyStatement(bytes, this.#length, this.#key);
      if (!verified.ok) return verified.denial;
      this.#length = verified.end;
      if (verified.stated.base === undefined) this.#wholeLength = verified.end;
      return Snapshot.apply(before, verified.stated);
    } catch (error) {
      if (error instanceof StatementFormatError) return error.code;
      throw error;
    }
  }
}

async function readIfThere(path: string): Promise<Bytes | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
