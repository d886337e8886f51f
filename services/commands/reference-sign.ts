import { sign } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { parseDocument } from 'yaml';

import { manifestBytes } from '#attestation/reference-manifest.ts';
import { toBase64Url } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { type ReferenceValuesDocument, referenceValuesSchema } from '#protocol/policy.ts';

import { ConfigError, parseDocumentText, readTextFile } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { keyIdOf, type KeyOptions, readReferenceKey } from './reference-key.ts';

/** What the command line says of the manifest; what it leaves out is what the file says. */
export interface SignOptions extends KeyOptions {
  readonly manifestVersion?: number | undefined;
  readonly pool?: readonly string[] | undefined;
  readonly notBefore?: string | undefined;
  /** A moment, or a number of days from the manifest's beginning: `90d`. */
  readonly expires?: string | undefined;
}

const DAY_MS = 86_400_000;
const DAYS = /^(?<days>[1-9][0-9]{0,3})d$/;

/**
 * Signs the reference values in `file` as a manifest, in its place; its comments stay. A signature that was there is replaced. Without a
 * beginning it begins now. On resolution the file is one that the policy's reader takes, with a signature over what that reader reads.
 * Throws CommandFailure, and the file is as it was.
 */
export async function signReferenceValues(
  file: string,
  options: SignOptions,
  terminal: CommandTerminal,
): Promise<void> {
  const path = resolve(terminal.workingDirectory, file);
  const key = await readReferenceKey(options, terminal.workingDirectory);
  const text = await refusing(() => readTextFile(path));
  const before = await refusing(() => Promise.resolve(parseDocumentText(text, path, referenceValuesSchema)));
  const { signature: _, ...unsigned } = { ...before, ...manifestMembers(before, options, terminal.now()) };
  const value = toBase64Url(sign(null, manifestBytes(unsigned), key));
  const signed = renderInto(text, { ...unsigned, signature: { key: keyIdOf(key), value } });
  const read = await refusing(() => Promise.resolve(parseDocumentText(signed, path, referenceValuesSchema)));
  if (!manifestBytes(read).every((byte, at) => byte === manifestBytes(unsigned)[at])) {
    throw new Error('what was written is not what was signed');
  }
  replaceFile(path, signed);
  const { name, version, pools = [], notBefore, expires } = read;
  terminal.out(
    `Signed ${file}: ${name}@${version}, for ${pools.join(', ')}, valid from ${notBefore} until ${expires}, by key ${keyIdOf(key)}.\n`,
  );
}

/** The members that a signed manifest needs, in the text's own form. */
function manifestMembers(
  before: ReferenceValuesDocument,
  options: SignOptions,
  now: Date,
): Pick<ReferenceValuesDocument, 'version' | 'notBefore' | 'expires'> & {
  readonly pools: ReferenceValuesDocument['pools'];
} {
  const notBefore = options.notBefore ?? before.notBefore ?? now.toISOString();
  const days = DAYS.exec(options.expires ?? '')?.groups?.['days'];
  const expires =
    days === undefined
      ? (options.expires ?? before.expires)
      : new Date(Date.parse(notBefore) + Number(days) * DAY_MS).toISOString();
  const members = {
    version: options.manifestVersion ?? before.version,
    pools: options.pool ?? before.pools,
    notBefore,
    expires,
  };
  const missing = Object.entries(members).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length === 0) {
    const parsed = referenceValuesSchema.safeParse({ ...before, ...members, signature: undefined });
    if (parsed.success) return { ...parsed.data, pools: parsed.data.pools };
    throw new CommandFailure(
      EXIT.usage,
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    );
  }
  throw new CommandFailure(
    EXIT.usage,
    `a signed manifest needs ${missing.join(', ')}`,
    'Give --manifest-version, --pool and --expires, or write the members into the file.',
  );
}

/** `text` with the members of `document` in it; comments and order stay. */
function renderInto(text: string, document: ReferenceValuesDocument): string {
  const yaml = parseDocument(text);
  for (const name of ['version', 'pools', 'notBefore', 'expires', 'signature'] as const) yaml.set(name, document[name]);
  return yaml.toString({ lineWidth: 0 });
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandFailure(EXIT.dataRefused, error.message);
  }
}

function replaceFile(path: string, text: string): void {
  const draft = `${path}.signing`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o644, flush: true });
    renameSync(draft, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    if (code !== 'EEXIST') rmSync(draft, { force: true });
    throw new CommandFailure(EXIT.cannotCreate, `${draft} cannot be written (${code})`);
  }
}
