import { createPublicKey } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { readPrivateFile } from '#pki/private-file.ts';
import type { SavedFile } from '#services/backup/backup-lines.ts';
import { makeBackup, manifestFileOf } from '#services/backup/make-backup.ts';
import { restoreBackup } from '#services/backup/restore-backup.ts';
import type { Opening, Sealing } from '#services/backup/sealed-file.ts';

import manifestOfProgram from '../../package.json' with { type: 'json' };
import { loadServerConfig } from '#services/config/config.ts';
import { openRows, openSink } from '../open-store.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { readReferenceKey } from './reference-key.ts';
import { saying } from './saying.ts';

const file = z.string().min(1);
const backupSchema = z.object({
  config: file,
  out: file,
  recipient: z.array(z.string().regex(/^age1[a-z0-9]+$/, 'an age recipient: age1…')).default([]),
  passphraseFile: file.optional(),
  signKey: file,
  includeSecrets: z.boolean().default(false),
});
const restoreSchema = z.object({
  config: file.optional(),
  identityFile: file.optional(),
  passphraseFile: file.optional(),
  signedBy: file,
  verify: z.boolean().default(false),
  secretsTo: file.optional(),
});

const SECRET_MAX_BYTES = 65_536;
const SAVED_MAX_BYTES = 4_194_304;

/** Makes a backup of the configuration's store, and says what it holds. The service may run. Throws CommandFailure. */
export async function backup(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config: configFile, out, includeSecrets, signKey, ...access } = backupSchema.parse(options);
  const at = (path: string): string => resolve(terminal.workingDirectory, path);
  await saying(EXIT.cannotCreate, async () => {
    const config = await loadServerConfig(at(configFile));
    const signingKey = await readReferenceKey({ key: signKey }, terminal.workingDirectory);
    await using source = await openRows(config.store);
    const manifest = await makeBackup({
      source,
      files: includeSecrets ? await savedFiles(dirname(at(configFile)), config.store) : [],
      out: at(out),
      sealing: await sealingOf(access, at),
      signingKey,
      now: terminal.now(),
      version: manifestOfProgram.version,
    });
    const { rows, auditHead, includesSecrets, bytes } = manifest;
    terminal.out(
      `Wrote ${out} (${bytes} bytes) and ${manifestFileOf(out)}.\n` +
        `It holds ${rows['nodes'] ?? 0} nodes, ${rows['certificates'] ?? 0} certificates and the audit log up to record ${auditHead.sequence}` +
        `${includesSecrets ? ', and the secrets of the configuration’s directory' : '; no key is in it'}.\n`,
    );
  });
}

/** Verifies a backup, and unless told only to verify writes it to the configuration's store, which must be empty. Throws CommandFailure. */
export async function restore(backupFile: string, options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config: configFile, signedBy, verify: onlyVerify, secretsTo, ...access } = restoreSchema.parse(options);
  const at = (path: string): string => resolve(terminal.workingDirectory, path);
  if (!onlyVerify && configFile === undefined) {
    throw new CommandFailure(EXIT.usage, '--config or --verify is needed', 'Say where to restore to, or only verify.');
  }
  await saying(EXIT.negative, async () => {
    const opening = await openingOf(access, at);
    const signer = createPublicKey(await readFile(at(signedBy)));
    await using sink = onlyVerify ? undefined : await openSink((await loadServerConfig(at(configFile ?? ''))).store);
    const { manifest, files } = await restoreBackup({ file: at(backupFile), opening, signedBy: signer, sink });
    if (secretsTo !== undefined) await placeFiles(at(secretsTo), files);
    const { createdAt, auditHead, rows } = manifest;
    const what = `${rows['nodes'] ?? 0} nodes, ${rows['certificates'] ?? 0} certificates, ${auditHead.sequence} audit records`;
    terminal.out(
      onlyVerify
        ? `${backupFile} is whole and signed: ${what}, as of ${createdAt}.\n`
        : `Restored ${what}, as of ${createdAt}.\nWhat happened after that moment is lost: certificates issued since are on no list. Bar or re-join the nodes concerned.\n`,
    );
    if (files.length > 0 && secretsTo === undefined) {
      terminal.err(`It also holds ${files.length} files of secrets; --secrets-to <dir> writes them.\n`);
    }
  });
}

type At = (path: string) => string;

async function sealingOf(
  access: { recipient: string[]; passphraseFile?: string | undefined },
  at: At,
): Promise<Sealing> {
  const { recipient: recipients, passphraseFile } = access;
  if (recipients.length > 0 === (passphraseFile !== undefined)) {
    throw new CommandFailure(EXIT.usage, 'either --recipient or --passphrase-file is needed, and not both');
  }
  return passphraseFile === undefined ? { recipients } : { passphrase: await passphraseIn(at(passphraseFile)) };
}

async function openingOf(
  access: { identityFile?: string | undefined; passphraseFile?: string | undefined },
  at: At,
): Promise<Opening> {
  const { identityFile, passphraseFile } = access;
  if ((identityFile === undefined) === (passphraseFile === undefined)) {
    throw new CommandFailure(EXIT.usage, 'either --identity-file or --passphrase-file is needed, and not both');
  }
  if (passphraseFile !== undefined) return { passphrase: await passphraseIn(at(passphraseFile)) };
  const text = Buffer.from(await readPrivateFile(at(identityFile ?? ''), SECRET_MAX_BYTES)).toString('utf8');
  return { identities: text.split('\n').filter((line) => line.startsWith('AGE-SECRET-KEY-')) };
}

const passphraseIn = async (path: string): Promise<string> =>
  Buffer.from((await readPassphrase(path)).reveal()).toString('utf8');

/** Every file of the configuration's directory but the database's. */
async function savedFiles(
  directory: string,
  store: { readonly kind: string; readonly path?: string },
): Promise<SavedFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const saved: SavedFile[] = [];
  for (const path of paths.toSorted()) {
    if (store.path !== undefined && path.startsWith(store.path)) continue;
    const content = await readFile(path);
    if (content.byteLength > SAVED_MAX_BYTES) continue;
    saved.push({ file: relative(directory, path), content });
  }
  return saved;
}

/** Writes the files below `directory`, none of which may be there. Throws where a name leads out of it. */
async function placeFiles(directory: string, files: readonly SavedFile[]): Promise<void> {
  for (const { file: name, content } of files) {
    const path = resolve(directory, name);
    if (isAbsolute(name) || !path.startsWith(directory + sep)) throw new Error(`${name} leads out of ${directory}`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
  }
}
