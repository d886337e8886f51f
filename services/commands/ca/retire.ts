import { isSeq } from 'yaml';
import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { MAX_TTL_SECONDS } from '#pki/profile.ts';

import type { CommandTerminal } from '../command-terminal.ts';
import { assertSettled } from './activate.ts';
import { changeCaConfig, readCaConfig } from './ca-config.ts';
import { issuerNamed, readKnownCas } from './known-cas.ts';
import { readServedBundle } from './served-bundle.ts';

const optionsSchema = z.object({
  config: z.string().min(1),
  now: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/**
 * Takes a retired or announced issuing CA out of the configuration; its files stay. A retired one goes when the service has signed with
 * another for as long as any certificate may last, so that none of its own is left. Throws CommandFailure, and nothing was changed.
 */
export async function retireCa(keyId: string, options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config: file, now: atOnce, dryRun } = optionsSchema.parse(options);
  const now = terminal.now();
  const found = await readCaConfig(file, terminal.workingDirectory);
  const { issuers } = await readKnownCas(found.config, now);
  const target = issuerNamed(issuers, keyId);
  if (target.role === 'signing') {
    throw new CommandFailure(
      EXIT.usage,
      `${target.keyId} is the one that signs`,
      'First `muster ca activate` another.',
    );
  }
  if (target.role === 'retired' && target.certificate.notAfter > now && !atOnce) {
    const served = await readServedBundle(found.config);
    if (served.signing !== issuers.find(({ role }) => role === 'signing')?.keyId) {
      throw new CommandFailure(
        EXIT.tryLater,
        'the running service signs with another CA than is configured: restart it first',
      );
    }
    assertSettled(served.since, now, MAX_TTL_SECONDS / 3_600, 'signed with another CA');
  }
  if (dryRun) {
    terminal.out(`Nothing was changed: ${target.keyId} would be taken out.\n`);
    return;
  }
  await changeCaConfig(found, (document) => {
    if (target.role === 'next') {
      document.delete('nextIssuer');
      return;
    }
    const list = document.get('retiredIssuers', true);
    if (isSeq(list)) list.delete(target.index);
    if (isSeq(list) && list.items.length === 0) document.delete('retiredIssuers');
  });
  terminal.out(
    `${target.keyId} is out of the configuration. Restart the service, then destroy the CA's key, ${keyPlace(target.config.signer)}.\n`,
  );
}

const keyPlace = (signer: { readonly kind: string; readonly key: string }): string =>
  signer.kind === 'file' ? signer.key : `${signer.key} in ${signer.kind}`;
