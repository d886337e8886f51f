import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { describeEndorser } from '#attestation/endorser.ts';
import { parseAnchors } from '#attestation/endorsements.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { certificateFingerprint } from '#core/ids.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem } from '#pki/x509/pem.ts';

import { readAnchorFiles } from '../anchor-files.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { type AddOptions, endorserFileName, readDirectory, reading } from './endorsements.ts';

/**
 * Copies the authorities in `file` into a directory of them, each into a file of its own, PEM. On resolution each was checked (a CA's
 * certificate, valid now, with a key that chains are accepted through), none was there before, and all are written; a dry run has written
 * nothing. Throws CommandFailure, and nothing was written, unless every one passes. Whose they are is not established: compare the
 * fingerprints with what the maker publishes.
 */
export async function addEndorsements(file: string, options: AddOptions, terminal: CommandTerminal): Promise<void> {
  const { path, known } = await reading(() => readDirectory(options.to, terminal));
  const certificates = await readCertificates(resolve(terminal.workingDirectory, file));
  const byFingerprint = new Map(certificates.map((each) => [certificateFingerprint(each.der), each]));
  const added = [...byFingerprint.values()].map((certificate) => {
    const endorser = describeEndorser(certificate, terminal.now());
    const name = endorserFileName(endorser);
    const isThere = known.has(endorser.fingerprint) || existsSync(join(path, name));
    return { certificate, endorser, name, fault: isThere ? 'it is there already' : endorser.faults[0] };
  });
  const bad = added.filter(({ fault }) => fault !== undefined);
  if (bad.length > 0) {
    const lines = bad.map(({ endorser, fault }) => `  ${endorser.subject}: ${fault ?? ''}`);
    throw new CommandFailure(
      EXIT.dataRefused,
      `${bad.length} of ${added.length} cannot be added, so none was:\n${lines.join('\n')}`,
    );
  }
  for (const { certificate, endorser, name } of added) {
    if (options.dryRun !== true) writeNew(join(path, name), encodePem('CERTIFICATE', certificate.der));
    terminal.out(`${endorser.subject}\n  SHA-256   ${endorser.fingerprint}\n  file      ${join(options.to, name)}\n`);
    for (const warning of endorser.warnings) terminal.out(`  note      ${warning}\n`);
  }
  const done =
    options.dryRun === true
      ? 'Nothing was written: a dry run.'
      : 'Compare each fingerprint with what its maker publishes, then have the service read its policy again.';
  terminal.out(`${done}\n`);
}

async function readCertificates(path: string): Promise<readonly Certificate[]> {
  const { files } = await reading(() => readAnchorFiles(path));
  return [...files].flatMap(([file, pem]) => {
    try {
      return [...parseAnchors(pem)];
    } catch (error) {
      if (!(error instanceof X509FormatError)) throw error;
      throw new CommandFailure(EXIT.dataRefused, `${file}: ${error.message}`);
    }
  });
}

/** Never over a file that is there. */
function writeNew(path: string, text: string): void {
  try {
    const file = openSync(path, 'wx', 0o644);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new CommandFailure(EXIT.cannotCreate, `${path} cannot be written (${code})`);
  }
}
