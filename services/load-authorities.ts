import { X509Certificate } from 'node:crypto';

import { type Bytes, toHex } from '#core/bytes.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';

import type { OtherAuthorities } from './authorities.ts';
import type { IssuerConfig, ServerConfig } from '#services/config/config.ts';
import { readFurtherRoots, readIssuerChain } from './issuer-chain.ts';
import { openSigner } from './open-signer.ts';
import { ConfigError } from '#services/config/strict-document.ts';

interface World {
  readonly now: Date;
  readonly credentialsDirectory: string | undefined;
}

/**
 * The CAs beside the one that signs, as `config` names them. A retired CA that has ended is left out: nothing of it counts any more, and its key
 * is not opened. Rejects with ConfigError, and as `openSigner` does.
 */
export async function loadOtherAuthorities(
  config: Pick<ServerConfig, 'issuer' | 'nextIssuer' | 'retiredIssuers' | 'furtherRoots'>,
  world: World,
): Promise<OtherAuthorities> {
  const next = config.nextIssuer && (await readIssuerChain(config.nextIssuer.chain, world.now));
  const retired: OtherAuthorities['retired'][number][] = [];
  for (const one of config.retiredIssuers) {
    const opened = await openRetired(one, world);
    if (opened !== undefined) retired.push(opened);
  }
  const roots = await Promise.all(config.furtherRoots.map((file) => readFurtherRoots(file, world.now)));
  return { next, retired, furtherRoots: roots.flat() };
}

/** Throws ConfigError when two of the issuing CAs are one key: which of them signs would then not be said. */
export function assertDistinct(chain: readonly Bytes[], { next, retired }: OtherAuthorities): void {
  const firsts = [chain, ...(next === undefined ? [] : [next]), ...retired.map((one) => one.chain)].flatMap(([der]) =>
    der === undefined ? [] : [toHex(parseCertificate(der).publicKey.raw)],
  );
  if (new Set(firsts).size !== firsts.length) {
    throw new ConfigError('issuer', ['issuer, nextIssuer and retiredIssuers name one CA twice']);
  }
}

async function openRetired({ chain: file, signer }: IssuerConfig, world: World) {
  const chain = await readIssuerChain(file, world.now, 'began');
  const [der] = chain;
  if (der === undefined || chain.some((one) => new X509Certificate(one).validToDate < world.now)) return undefined;
  return { chain, signer: await openSigner(signer, { ...world, spki: parseCertificate(der).publicKey.raw }) };
}
