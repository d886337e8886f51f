import { resolve } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { certifyIssuingCa } from '#pki/ca-certificates.ts';
import { verifyCaRequest } from '#pki/ca-request.ts';
import { certificatePem, DEFAULT_LIFETIMES } from '#pki/ceremony.ts';
import type { Authority } from '#pki/issue-certificate.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { openKeyFile } from '#pki/signer-file.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { attributeText } from '#pki/x509/directory-string.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

import { readCertificates } from '../../read-certificates.ts';
import { readTextFile } from '#services/config/strict-document.ts';
import type { CommandTerminal } from '../command-terminal.ts';
import { refusing, writeNewFile } from './ca-config.ts';

const days = z.coerce.number().int().min(1).max(3_660).default(DEFAULT_LIFETIMES.nodeIssuing);

const optionsSchema = z.object({
  root: z.string().min(1),
  rootKey: z.string().min(1),
  rootPassphraseFile: z.string().min(1),
  out: z.string().min(1),
  days,
  dryRun: z.boolean().default(false),
});

/**
 * Where the root's key is: turns a request of `muster ca prepare --request` into an issuing CA's certificate. Nothing is taken from the request
 * but its key, once its holder is known to have signed it. Throws CommandFailure.
 */
export async function signCaRequest(request: string, options: unknown, terminal: CommandTerminal): Promise<void> {
  const { out, dryRun, days: lifetimeDays, ...rootFiles } = optionsSchema.parse(options);
  const at = (name: string): string => resolve(terminal.workingDirectory, name);
  const certificate = await refusing(async () => {
    const root = await openRoot(rootFiles, at);
    const spki = verifyCaRequest(await readTextFile(at(request)));
    return certifyNextIssuer(spki, root, { lifetimeDays, now: terminal.now() });
  });
  if (!dryRun) writeNewFile(at(out), certificatePem(certificate));
  terminal.out(`${dryRun ? 'Would write' : 'Wrote'} ${out}: an issuing CA until ${certificate.notAfter.toISOString()}.
Take it to the service: muster ca prepare --config FILE --certificate ${out}
`);
}

/** A certificate for the key `spki`, named after its day. Throws IssuerError. */
export function certifyNextIssuer(
  spki: Uint8Array,
  root: Authority,
  { lifetimeDays, now }: { readonly lifetimeDays: number; readonly now: Date },
): Promise<Certificate> {
  const organization = root.certificate.subject.rdns.flat().find(({ type }) => type === ATTRIBUTE.organization);
  const name = organization === undefined ? undefined : attributeText(organization);
  if (name === undefined) throw new CommandFailure(EXIT.dataRefused, 'the root’s certificate names no organization');
  const commonName = `Muster node issuing CA ${now.toISOString().slice(0, 10)}`;
  return certifyIssuingCa({ organization: name, commonName, lifetimeDays }, spki, root, { now, random: systemRandom });
}

/** The root whose certificate and sealed key are in these files. Throws CommandFailure where they are no pair, and as files and keys do. */
export async function openRoot(
  files: { readonly root: string; readonly rootKey: string; readonly rootPassphraseFile: string },
  at: (name: string) => string,
): Promise<Authority> {
  const { ders } = await readCertificates(at(files.root));
  const [der, another] = ders;
  if (der === undefined || another !== undefined) {
    throw new CommandFailure(EXIT.dataRefused, `${files.root} is not the root's certificate alone`);
  }
  const certificate = parseCertificate(der);
  const signer = await openKeyFile(at(files.rootKey), await readPassphrase(at(files.rootPassphraseFile)));
  if (Buffer.compare(certificate.publicKey.raw, signer.spki) !== 0) {
    throw new CommandFailure(EXIT.dataRefused, `${files.rootKey} is not the key of ${files.root}`);
  }
  return { certificate, signer };
}
