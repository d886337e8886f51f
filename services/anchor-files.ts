import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { encodePem } from '#pki/x509/pem.ts';

import { ConfigError } from '#services/config/strict-document.ts';

/** Certificate files that a directory may hold. */
const FILES_MAX = 512;
/** Bytes of one such file: the bundles of all makers' roots are a tenth of it. */
const FILE_MAX_BYTES = 1_048_576;
/** Names that a directory's certificates end in. Others, as a README, are passed over. */
const EXTENSIONS: ReadonlySet<string> = new Set(['.pem', '.crt', '.cer', '.der']);
/** What DER of a certificate begins with: a SEQUENCE. */
const DER_SEQUENCE = 0x30;

/** The files that one name of authorities stands for. */
export interface AnchorFiles {
  /** PEM text by path, in order of path: one file, or every certificate file of a directory. */
  readonly files: ReadonlyMap<string, string>;
  readonly isDirectory: boolean;
}

/**
 * Reads the certificates at `path`: a file, in PEM or DER, or a directory of such files, without those below it. Nothing in them was looked at
 * yet. Rejects with ConfigError, and every fault found: what cannot be read, is too large, or is neither form; a directory without certificates,
 * or with too many.
 */
export async function readAnchorFiles(path: string): Promise<AnchorFiles> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) return { files: new Map([[path, await readAnchorFile(path)]]), isDirectory };
  const names = (await readdir(path)).filter((name) => EXTENSIONS.has(extname(name).toLowerCase())).toSorted();
  if (names.length === 0) throw new ConfigError(path, ['a directory without .pem, .crt, .cer or .der files']);
  if (names.length > FILES_MAX) throw new ConfigError(path, [`${names.length} certificate files, over ${FILES_MAX}`]);
  const files = new Map<string, string>();
  const problems: string[] = [];
  for (const name of names) {
    try {
      files.set(join(path, name), await readAnchorFile(join(path, name)));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((problem) => `${name}: ${problem}`));
    }
  }
  if (problems.length > 0) throw new ConfigError(path, problems);
  return { files, isDirectory };
}

/** One file's certificates as PEM text. Rejects with ConfigError. */
async function readAnchorFile(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new ConfigError(path, [error instanceof Error ? error.message : 'cannot be read']);
  });
  if (bytes.byteLength > FILE_MAX_BYTES) throw new ConfigError(path, [`over ${FILE_MAX_BYTES} bytes`]);
  if (bytes[0] === DER_SEQUENCE) return encodePem('CERTIFICATE', bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(path, ['neither PEM nor DER']);
  }
}
