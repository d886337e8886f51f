import { dirname, resolve } from 'node:path';

import { describeEndorser, type Endorser } from '#attestation/endorser.ts';
import { parseAnchors } from '#attestation/endorsements.ts';
import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import type { CertificateFingerprint } from '#core/ids.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { policySchema } from '#protocol/policy.ts';

import { readAnchorFiles } from '../anchor-files.ts';
import { ConfigError, readDocument } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

/** An authority, where it stands and who trusts it. */
export interface ListedEndorser extends Endorser {
  readonly file: string;
  readonly pools: readonly string[];
}

/**
 * Lists every authority that the policy at `file` trusts to certify EKs, each once, with what is wrong with it. Resolves to exit code 0 when
 * nothing is, 1 when an authority has expired or is weak. Throws CommandFailure on files that cannot be read.
 */
export async function listEndorsements(file: string, terminal: CommandTerminal): Promise<ExitCode> {
  const endorsers = await readEndorsers(resolve(terminal.workingDirectory, file), terminal.now());
  if (endorsers.length === 0) terminal.out(`${file} names no authority: no EK certificate counts.\n`);
  for (const endorser of endorsers) terminal.out(renderEndorser(endorser));
  return endorsers.some(({ faults }) => faults.length > 0) ? EXIT.negative : EXIT.ok;
}

/** Every authority of the policy at `path`, in order of subject. */
async function readEndorsers(path: string, now: Date): Promise<readonly ListedEndorser[]> {
  const found = new Map<CertificateFingerprint, ListedEndorser>();
  const { pools } = await reading(() => readDocument(path, policySchema));
  for (const [pool, { tpm2 }] of Object.entries(pools)) {
    for (const name of tpm2.ekAnchors) {
      const { files } = await reading(() => readAnchorFiles(resolve(dirname(path), name)));
      for (const [file, pem] of files) {
        for (const endorser of parseFile(file, pem, now)) {
          const known = found.get(endorser.fingerprint);
          const trusting = new Set([...(known?.pools ?? []), pool]);
          found.set(endorser.fingerprint, { ...endorser, file: known?.file ?? file, pools: [...trusting] });
        }
      }
    }
  }
  return [...found.values()].toSorted((a, b) => (a.subject < b.subject ? -1 : 1));
}

function parseFile(file: string, pem: string, now: Date): readonly Endorser[] {
  try {
    return parseAnchors(pem).map((certificate) => describeEndorser(certificate, now));
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    throw new CommandFailure(EXIT.dataRefused, `${file}: ${error.message}`);
  }
}

/** A ConfigError is the caller's to see, not a bug. */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CommandFailure(EXIT.dataRefused, error.message);
  }
}

function renderEndorser(endorser: ListedEndorser): string {
  const { subject, fingerprint, notBefore, notAfter, pools, file, faults, warnings } = endorser;
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  return [
    subject,
    `  SHA-256   ${fingerprint}`,
    `  valid     ${day(notBefore)} to ${day(notAfter)}`,
    `  trusted   by ${pools.join(', ')}`,
    `  file      ${file}`,
    ...faults.map((fault) => `  FAULT     ${fault}`),
    ...warnings.map((warning) => `  note      ${warning}`),
    '',
  ].join('\n');
}

export interface AddOptions {
  readonly to: string;
  readonly dryRun?: boolean;
}

/** What an authority's file is called: its common name and the beginning of its fingerprint. */
export function endorserFileName({ subject, fingerprint }: Pick<Endorser, 'subject' | 'fingerprint'>): string {
  const commonName = /(?:^|,)CN=([^,]*)/.exec(subject)?.[1] ?? subject;
  const words = commonName.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  return `${words.slice(0, 60) || 'authority'}-${fingerprint.slice(0, 8)}.pem`;
}

/** The directory's path, and the authorities that it holds already. */
export async function readDirectory(
  directory: string,
  terminal: CommandTerminal,
): Promise<{ readonly path: string; readonly known: ReadonlySet<CertificateFingerprint> }> {
  const path = resolve(terminal.workingDirectory, directory);
  // A directory without certificates is what the first one is added to.
  const found = await readAnchorFiles(path).catch((error: unknown) => {
    if (!(error instanceof ConfigError) || !error.message.includes('a directory without')) throw error;
    return { files: new Map<string, string>(), isDirectory: true };
  });
  if (!found.isDirectory) throw new CommandFailure(EXIT.usage, `${directory} is not a directory`);
  const endorsers = [...found.files].flatMap(([file, pem]) => parseFile(file, pem, terminal.now()));
  return { path, known: new Set(endorsers.map(({ fingerprint }) => fingerprint)) };
}
