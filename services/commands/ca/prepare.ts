import { relative, resolve, dirname } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { buildCaRequest } from '#pki/ca-request.ts';
import { certificatePem, DEFAULT_LIFETIMES } from '#pki/ceremony.ts';
import { lintParsed } from '#pki/lint.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';

import { readCertificates } from '../../read-certificates.ts';
import type { CommandTerminal } from '../command-terminal.ts';
import { type CaConfig, changeCaConfig, readCaConfig, refusing, writeNewFile } from './ca-config.ts';
import { certifyNextIssuer, openRoot } from './certify.ts';
import { isIssuedBy, lastUse, readKnownCas } from './known-cas.ts';
import { type NewIssuer, newIssuer, requestedIssuer } from './new-issuer.ts';

const file = z.string().min(1).optional();
const optionsSchema = z.object({
  config: z.string().min(1),
  request: file,
  certificate: file,
  root: file,
  rootKey: file,
  rootPassphraseFile: file,
  signer: file,
  publicKey: file,
  passphraseFile: file,
  days: z.coerce.number().int().min(1).max(3_660).default(DEFAULT_LIFETIMES.nodeIssuing),
  dryRun: z.boolean().default(false),
});

type Options = z.output<typeof optionsSchema>;

/**
 * Makes the issuing CA that will follow, and announces it in the configuration: agents are told of it from the service's next start on, and it
 * signs nothing yet. The root's certificate for it is made here where the root's key is at hand, or fetched in two steps: `request` writes a
 * request for the place where the root is, `certificate` brings its answer. Overwrites nothing. Throws CommandFailure.
 */
export async function prepareCa(options: unknown, terminal: CommandTerminal): Promise<void> {
  const chosen = optionsSchema.parse(options);
  const found = await readCaConfig(chosen.config, terminal.workingDirectory);
  if (found.config.nextIssuer !== undefined) {
    throw new CommandFailure(
      EXIT.usage,
      'an issuing CA is announced already',
      'See `muster ca show`, `activate` and `retire`.',
    );
  }
  const ways = [chosen.request, chosen.certificate, chosen.rootKey].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    throw new CommandFailure(
      EXIT.usage,
      'one of --root-key, --request and --certificate is needed: where is the root?',
    );
  }
  if (chosen.request !== undefined) await writeRequest(chosen.request, chosen, found, terminal);
  else await announce(chosen, found, terminal);
}

async function writeRequest(out: string, options: Options, found: CaConfig, terminal: CommandTerminal): Promise<void> {
  const issuer = await refusing(() => newIssuer(found, options, terminal.workingDirectory));
  const pem = await refusing(() => buildCaRequest(issuer.signer, 'Muster node issuing CA'));
  if (!options.dryRun) {
    if (issuer.sealedKey !== undefined) writeNewFile(issuer.keyFile, issuer.sealedKey, true);
    writeNewFile(resolve(terminal.workingDirectory, out), pem);
  }
  terminal.out(`${options.dryRun ? 'Would write' : 'Wrote'} ${out}, a request for the issuing CA ${issuer.keyId}.

Next, where the root's key is:
  muster ca sign ${out} --root node-root.pem --root-key node-root.key --root-passphrase-file FILE --out issuing.pem
then here: muster ca prepare --config ${options.config} --certificate issuing.pem
`);
}

async function announce(options: Options, found: CaConfig, terminal: CommandTerminal): Promise<void> {
  const now = terminal.now();
  const { roots } = await readKnownCas(found.config, now);
  const { issuer, certificate } = await refusing(() =>
    options.certificate === undefined
      ? certifiedHere(options, found, roots, terminal)
      : certifiedElsewhere(options.certificate, options, found, terminal),
  );
  const root = roots.find((one) => isIssuedBy(certificate, one));
  if (root === undefined)
    throw new CommandFailure(EXIT.dataRefused, 'no root that the configuration names has issued it');
  const [finding] = lintParsed(certificate, { purpose: 'node-issuing-ca', issuer: root });
  if (finding !== undefined) throw new CommandFailure(EXIT.dataRefused, `not an issuing CA: ${finding.rule}`);
  if (lastUse(certificate) <= now)
    throw new CommandFailure(EXIT.dataRefused, 'it ends before a certificate of a day would');
  if (!options.dryRun) {
    if (issuer.sealedKey !== undefined) writeNewFile(issuer.keyFile, issuer.sealedKey, true);
    writeNewFile(issuer.chainFile, certificatePem(certificate) + certificatePem(root));
    // Last: until here nothing names the files.
    await changeCaConfig(found, (document) => {
      const chain = relative(dirname(found.file), issuer.chainFile);
      document.set('nextIssuer', document.createNode({ chain, signer: issuer.signerEntry }));
    });
  }
  terminal.out(`${options.dryRun ? 'Would announce' : 'Announced'} the issuing CA ${issuer.keyId}, until ${certificate.notAfter.toISOString()}.

Next, in this order:
 1. Restart the service: agents are told of the CA from then on.
 2. Is its root new? Put every root into each API server's --client-ca-file (muster ca show --roots); it is read again without a restart.
 3. After a day: muster ca activate --config ${options.config}
`);
}

async function certifiedHere(
  options: Options,
  found: CaConfig,
  roots: readonly Certificate[],
  terminal: CommandTerminal,
) {
  const { root, rootKey, rootPassphraseFile } = options;
  if (root === undefined || rootKey === undefined || rootPassphraseFile === undefined) {
    throw new CommandFailure(EXIT.usage, '--root-key needs --root and --root-passphrase-file');
  }
  const authority = await openRoot({ root, rootKey, rootPassphraseFile }, (name) =>
    resolve(terminal.workingDirectory, name),
  );
  if (!roots.some(({ der }) => Buffer.compare(der, authority.certificate.der) === 0)) {
    throw new CommandFailure(
      EXIT.dataRefused,
      `${root} is no root that the configuration names: \`muster ca trust\` it first`,
    );
  }
  const issuer: NewIssuer = await newIssuer(found, options, terminal.workingDirectory);
  const lifetime = { lifetimeDays: options.days, now: terminal.now() };
  return { issuer, certificate: await certifyNextIssuer(issuer.signer.spki, authority, lifetime) };
}

async function certifiedElsewhere(file: string, options: Options, found: CaConfig, terminal: CommandTerminal) {
  const { ders } = await readCertificates(resolve(terminal.workingDirectory, file));
  const [der, another] = ders;
  if (der === undefined || another !== undefined)
    throw new CommandFailure(EXIT.dataRefused, `${file} is not one certificate`);
  const certificate = parseCertificate(der);
  const issuer = await requestedIssuer(found, certificate.publicKey.raw, options, terminal.workingDirectory);
  // That the key is there, and is this certificate's.
  await buildCaRequest({ spki: certificate.publicKey.raw, sign: (tbs) => issuer.signer.sign(tbs) }, 'Muster key check');
  return { issuer, certificate };
}
