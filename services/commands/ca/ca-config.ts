import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { type Document, parseDocument } from 'yaml';

import { toHex } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';

import { parseServerConfig, type ServerConfig } from '#services/config/config.ts';
import { ConfigError, readTextFile } from '#services/config/strict-document.ts';

/** The server's configuration as a `ca` command found it. */
export interface CaConfig {
  /** Absolute, and no symbolic link. */
  readonly file: string;
  readonly text: string;
  readonly config: ServerConfig;
}

/** Reads the configuration. Throws CommandFailure. */
export async function readCaConfig(file: string, workingDirectory: string): Promise<CaConfig> {
  return refusing(async () => {
    const named = resolve(workingDirectory, file);
    const text = await readTextFile(named);
    return { file: realpathSync(named), text, config: parseServerConfig(text, named) };
  });
}

/**
 * Changes the configuration by one rename: whatever happens to this process, the file is the old one whole or the new one whole, and the new one
 * is on the disk on return. Comments stay. Throws CommandFailure where the result would be no configuration, or somebody else changed the file meanwhile.
 */
export async function changeCaConfig({ file, text }: CaConfig, change: (document: Document) => void): Promise<void> {
  const document = parseDocument(text);
  change(document);
  const changed = document.toString({ lineWidth: 0 });
  await refusing(() => Promise.resolve(parseServerConfig(changed, file)));
  if (readFileSync(file, 'utf8') !== text) {
    throw new CommandFailure(
      EXIT.tryLater,
      `${file} was changed meanwhile, and is as that change left it: run the command again`,
    );
  }
  const draft = join(dirname(file), `.${toHex(systemRandom(8))}.muster.tmp`);
  writing(file, () => {
    try {
      writeFileSync(draft, changed, { flag: 'wx', mode: statSync(file).mode & 0o777, flush: true });
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
    flushDirectory(dirname(file));
  });
}

/** Writes a file that must not exist, on disk on return. Throws CommandFailure, and what was there is as it was. */
export function writeNewFile(file: string, content: string | Uint8Array, secret = false): void {
  writing(file, () => {
    writeFileSync(file, content, { flag: 'wx', mode: secret ? 0o600 : 0o644, flush: true });
    flushDirectory(dirname(file));
  });
}

/** `work`, with what is wrong with files of configuration as a CommandFailure. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(EXIT.configuration, error.message);
    if (error instanceof Error && /^(?:PrivateFile|KeyFile|Issuer|X509Format)Error$/.test(error.name)) {
      throw new CommandFailure(EXIT.dataRefused, error.message);
    }
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new CommandFailure(EXIT.usage, error.message);
    }
    throw error;
  }
}

function writing(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    const what = code === 'EEXIST' ? 'exists already, and was left as it is' : `cannot be written (${code})`;
    throw new CommandFailure(EXIT.cannotCreate, `${file} ${what}`);
  }
}

function flushDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
