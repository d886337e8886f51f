import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';

import { Decrypter, Encrypter } from 'age-encryption';

/** Who can open a backup: whoever has the passphrase, or one of the recipients' identities. */
export type Sealing = { readonly passphrase: string } | { readonly recipients: readonly string[] };
export type Opening = { readonly passphrase: string } | { readonly identities: readonly string[] };

export interface SealedFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** Written together: the stream's own steps cost more than the cipher. */
const CHUNK_CHARACTERS = 65_536;

/**
 * Writes `lines` to a new file at `path` in the age format (C2SP), so that any age tool opens it. The file is durable on resolution; it is
 * mode 0600. Rejects where the file is there already.
 */
export async function sealLines(path: string, lines: AsyncIterable<string>, sealing: Sealing): Promise<SealedFile> {
  const encrypter = new Encrypter();
  if ('passphrase' in sealing) encrypter.setPassphrase(sealing.passphrase);
  else for (const recipient of sealing.recipients) encrypter.addRecipient(recipient);
  await using file = await open(path, 'wx', 0o600);
  const sealed = await encrypter.encrypt(ReadableStream.from(encoded(lines)));
  const written = await writeAll(file, sealed);
  await file.sync();
  return written;
}

/** The lines of the file at `path`. Rejects, at the latest before the last line, where a byte of it was changed or cut off. */
export async function* openLines(path: string, opening: Opening): AsyncIterable<string> {
  const decrypter = new Decrypter();
  if ('passphrase' in opening) decrypter.addPassphrase(opening.passphrase);
  else for (const identity of opening.identities) decrypter.addIdentity(identity);
  const opened = await decrypter.decrypt(Readable.toWeb(createReadStream(path)));
  yield* createInterface({ input: Readable.from(opened), crlfDelay: Number.POSITIVE_INFINITY });
}

/** SHA-256 and length of the file at `path`. */
export async function measureFile(path: string): Promise<SealedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('a file gives bytes');
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function* encoded(lines: AsyncIterable<string>): AsyncIterable<Uint8Array> {
  let waiting = '';
  for await (const line of lines) {
    waiting += line;
    if (waiting.length < CHUNK_CHARACTERS) continue;
    yield Buffer.from(waiting, 'utf8');
    waiting = '';
  }
  if (waiting !== '') yield Buffer.from(waiting, 'utf8');
}

async function writeAll(file: FileHandle, stream: AsyncIterable<Uint8Array>): Promise<SealedFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    await file.writeFile(chunk);
  }
  return { sha256: hash.digest('hex'), bytes };
}
