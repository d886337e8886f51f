import { resolve } from 'node:path';

import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { systemRandom } from '#core/random.ts';
import { createCrossCertificate } from '#pki/ca-certificates.ts';
import { certificatePem, DEFAULT_LIFETIMES, generateKey } from '#pki/ceremony.ts';
import { type Authority, selfSignCertificate } from '#pki/issue-certificate.ts';
import { sealKey } from '#pki/key-file.ts';
import { DAY_SECONDS, PURPOSE_SHAPES } from '#pki/lint/purpose.ts';
import { readPassphrase } from '#pki/passphrase.ts';
import { localSigner } from '#pki/signer-file.ts';
import { basicConstraints, keyUsage } from '#pki/x509/extension-writer.ts';

import type { CommandTerminal } from '../command-terminal.ts';
import { assertUnused, writeNewDirectory } from '../new-directory.ts';
import { refusing } from './ca-config.ts';
import { openRoot } from './certify.ts';

const optionsSchema = z.object({
  root: z.string().min(1),
  rootKey: z.string().min(1),
  rootPassphraseFile: z.string().min(1),
  passphraseFile: z.string().min(1),
  out: z.string().min(1),
  days: z.coerce.number().int().min(1).max(7_320).default(DEFAULT_LIFETIMES.nodeRoot),
  dryRun: z.boolean().default(false),
});

/**
 * Where the root's key is: makes the next root, under the same name, and cross-certificates both ways, in one new directory. Whole or not at all.
 * Throws CommandFailure.
 */
export async function rotateRoot(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { out, passphraseFile, days, dryRun, ...rootFiles } = optionsSchema.parse(options);
  const at = (name: string): string => resolve(terminal.workingDirectory, name);
  assertUnused(at(out));
  const context = { now: terminal.now(), random: systemRandom };
  const { old, next, sealedKey, newUnderOld, oldUnderNew } = await refusing(async () => {
    const root = await openRoot(rootFiles, at);
    if (root.certificate.notAfter <= context.now) {
      throw new CommandFailure(EXIT.dataRefused, 'the root has ended: what it signs is worth nothing');
    }
    const key = await generateKey();
    const made = await nextRoot(root, { signer: localSigner(key), days, context });
    return {
      old: root.certificate,
      next: made.certificate,
      sealedKey: await sealKey(key, await readPassphrase(at(passphraseFile)), {
        label: 'Muster node root CA',
        random: systemRandom,
      }),
      newUnderOld: await createCrossCertificate(made.certificate, root, context),
      oldUnderNew: await createCrossCertificate(root.certificate, made, context),
    };
  });
  const open = (path: string, content: string) => ({ path, content, secret: false });
  if (!dryRun) {
    const all = [next, newUnderOld, oldUnderNew].map(certificatePem).join('');
    const files = [open('node-root.pem', certificatePem(next)), open('node-roots.pem', all)];
    writeNewDirectory(at(out), [...files, { path: 'node-root.key', content: sealedKey, secret: true }], []);
  }
  terminal.out(`${dryRun ? 'Would make' : 'Made'} ${out}: a root until ${next.notAfter.toISOString()}, and cross-certificates until ${newUnderOld.notAfter.toISOString()}.

Next, in this order:
 1. Keep ${out}/node-root.key offline like the present root's, which you still need until ${old.notAfter.toISOString()} or its last issuing CA.
 2. On the server: muster ca trust ${out}/node-roots.pem --config FILE, and restart it: agents follow.
 3. Put both roots into each API server's --client-ca-file: muster ca show --roots --config FILE
 4. Then the next issuing CA, from the new root: muster ca prepare
`);
}

async function nextRoot(
  old: Authority,
  {
    signer,
    days,
    context,
  }: {
    readonly signer: Authority['signer'];
    readonly days: number;
    readonly context: { readonly now: Date; readonly random: typeof systemRandom };
  },
): Promise<Authority> {
  const purpose = 'node-root-ca';
  const shape = PURPOSE_SHAPES[purpose];
  // The same name: only then is a cross-certificate self-issued, and a path through it as long as one without.
  const fields = { subject: old.certificate.subject.raw, lifetimeSeconds: days * DAY_SECONDS };
  const extensions = [basicConstraints(shape.pathLength), keyUsage(...shape.keyUsage)];
  return { certificate: await selfSignCertificate({ purpose, ...fields, extensions }, signer, context), signer };
}
