import { X509Certificate } from 'node:crypto';

import { isSeq, YAMLSeq } from 'yaml';
import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { buildCaRequest } from '#pki/ca-request.ts';

import { readEnvironment } from '#services/config/config.ts';
import { readIssuerChain } from '../../issuer-chain.ts';
import { openSigner } from '../../open-signer.ts';
import type { CommandTerminal } from '../command-terminal.ts';
import { changeCaConfig, readCaConfig, refusing } from './ca-config.ts';
import { issuerNamed, type KnownIssuer, lastUse, readKnownCas } from './known-cas.ts';
import { readServedBundle } from './served-bundle.ts';

const HOUR_MS = 3_600_000;

const optionsSchema = z.object({
  config: z.string().min(1),
  hours: z.coerce.number().int().min(0).max(8_760).default(24),
  now: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/**
 * Makes the announced issuing CA, or the retired one named by `keyId`, the one that signs, and retires the one that did: one rename of the
 * configuration, which the service reads at its next start. Before that it is established that the CA is valid for as long as any certificate may
 * be, that its key signs, and, for one that has not signed before, that the running service has told agents of it for long enough. Throws
 * CommandFailure, and nothing was changed.
 */
export async function activateCa(
  keyId: string | undefined,
  options: unknown,
  terminal: CommandTerminal,
): Promise<void> {
  const { config: file, hours, now: atOnce, dryRun } = optionsSchema.parse(options);
  const now = terminal.now();
  const found = await readCaConfig(file, terminal.workingDirectory);
  const { issuers } = await readKnownCas(found.config, now);
  const target = keyId === undefined ? issuers.find(({ role }) => role === 'next') : issuerNamed(issuers, keyId);
  const old = issuers.find(({ role }) => role === 'signing');
  if (target === undefined || old === undefined) {
    throw new CommandFailure(EXIT.usage, 'no issuing CA is announced', 'Make one with `muster ca prepare`.');
  }
  if (target.role === 'signing') throw new CommandFailure(EXIT.usage, `${target.keyId} signs already`);
  await assertUsable(target, now);
  if (target.role === 'next' && !atOnce) {
    const served = await readServedBundle(found.config);
    if (!served.fingerprints.has(new X509Certificate(target.certificate.der).fingerprint256)) {
      throw new CommandFailure(EXIT.tryLater, 'the running service has not told agents of this CA: restart it first');
    }
    assertSettled(served.since, now, hours, 'told agents of this CA');
  }
  const said = `${target.keyId} ${dryRun ? 'would sign' : 'signs'}, and ${old.keyId} ${dryRun ? 'would be' : 'is'} retired`;
  if (dryRun) {
    terminal.out(`Nothing was changed: ${said}.\n`);
    return;
  }
  await changeCaConfig(found, (document) => {
    const retired = document.get('retiredIssuers', true);
    const list = isSeq(retired) ? retired : new YAMLSeq();
    const isNext = target.role === 'next';
    const chosen = isNext ? document.get('nextIssuer', true) : list.get(target.index, true);
    if (isNext) document.delete('nextIssuer');
    else list.delete(target.index);
    list.items.unshift(document.get('issuer', true));
    document.set('retiredIssuers', list);
    document.set('issuer', chosen);
  });
  terminal.out(`From the service's next start on ${said}.

Next, in this order:
 1. Restart the service. Joins that are under way are tried again by the agents.
 2. Nodes get a certificate of the new CA when they next attest; all have one after a day.
 3. After that day: muster ca retire ${old.keyId.slice(0, 12)} --config ${file}
To go back: muster ca activate ${old.keyId.slice(0, 12)} --config ${file}, and restart.
`);
}

/** Throws CommandFailure unless `since` is at least so many hours ago. */
export function assertSettled(since: Date, now: Date, hours: number, what: string): void {
  if (now.getTime() - since.getTime() >= hours * HOUR_MS) return;
  const from = new Date(since.getTime() + hours * HOUR_MS).toISOString();
  throw new CommandFailure(
    EXIT.tryLater,
    `the service has ${what} since ${since.toISOString()} only: from ${from} on every agent has heard`,
    'Come back then, or give --now where you know that it does not matter.',
  );
}

async function assertUsable({ config, certificate, keyId }: KnownIssuer, now: Date): Promise<void> {
  await refusing(() => readIssuerChain(config.chain, now));
  if (lastUse(certificate) <= now) {
    throw new CommandFailure(EXIT.dataRefused, `${keyId} ends before a certificate of a day would`);
  }
  await refusing(async () => {
    const { credentialsDirectory } = readEnvironment();
    await using signer = await openSigner(config.signer, { credentialsDirectory, spki: certificate.publicKey.raw });
    // A signature that nobody can use for anything else, and that is verified under the certificate's key.
    await buildCaRequest({ spki: certificate.publicKey.raw, sign: (tbs) => signer.sign(tbs) }, 'Muster key check');
  });
}
