import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { certificateFingerprint } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import { KeyFileError } from '#pki/key-file.ts';
import { issueAdministratorCertificate } from '#pki/management-certificates.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { localSigner, openKeyFile } from '#pki/signer-file.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';

import { readTextFile } from '#services/config/strict-document.ts';
import type { CommandTerminal } from './command-terminal.ts';

const path = z.string().min(1);
const optionsSchema = z.object({ managementCa: path, managementKey: path, passphraseFile: path, out: path });

const ADMINISTRATOR = { name: 'authorizer', role: 'authorizer' };
const LIFETIME_DAYS = 90;

/**
 * Writes a new identity of the authorizers, certificate and key, to a file that must not exist (mode 0600), and prints the fingerprint that the list
 * of administrators needs. It counts when it stands there. Throws CommandFailure where a file cannot be used.
 */
export async function renewAuthorizerIdentity(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { managementCa, managementKey, passphraseFile, out } = optionsSchema.parse(options);
  const at = (file: string): string => resolve(terminal.workingDirectory, file);
  const [der] = parsePemOf('CERTIFICATE', await readTextFile(at(managementCa)));
  if (der === undefined) throw new CommandFailure(EXIT.configuration, `${managementCa}: no certificate`);
  const key = await generateKey();
  const signer = await openKeyFile(at(managementKey), await readPassphrase(at(passphraseFile))).catch(
    (error: unknown) => {
      if (error instanceof KeyFileError)
        throw new CommandFailure(EXIT.configuration, `${managementKey}: ${error.message}`);
      throw error;
    },
  );
  const certificate = await issueAdministratorCertificate(
    { spki: localSigner(key).spki, lifetimeDays: LIFETIME_DAYS, administrator: ADMINISTRATOR },
    { certificate: parseCertificate(der), signer },
    { now: terminal.now(), random: systemRandom },
  );
  const text = certificatePem(certificate) + key.export({ type: 'pkcs8', format: 'pem' }).toString();
  await writeFile(at(out), text, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
    throw new CommandFailure(EXIT.cannotCreate, error instanceof Error ? error.message : `${out} cannot be written`);
  });
  terminal.out(`${out}: good for ${LIFETIME_DAYS} days. Add to the list of administrators:
  - name: ${ADMINISTRATOR.name}
    fingerprint: ${certificateFingerprint(certificate.der)}
`);
}
