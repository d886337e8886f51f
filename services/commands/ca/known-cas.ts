import { X509Certificate } from 'node:crypto';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { MAX_TTL_SECONDS } from '#pki/profile.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';

import { keyIdOf } from '../../authorities.ts';
import type { IssuerConfig, ServerConfig } from '#services/config/config.ts';
import { isSelfSigned, readFurtherRoots, readIssuerChain } from '../../issuer-chain.ts';
import { refusing } from './ca-config.ts';

/** An issuing CA that the configuration names. */
export interface KnownIssuer {
  readonly role: 'signing' | 'next' | 'retired';
  readonly keyId: string;
  readonly certificate: Certificate;
  readonly root: Certificate;
  readonly config: IssuerConfig;
  /** Index into `retiredIssuers`. */
  readonly index: number;
}

export interface KnownCas {
  readonly issuers: readonly KnownIssuer[];
  readonly roots: readonly Certificate[];
  readonly crosses: readonly Certificate[];
}

/** Every node CA that the configuration names, ended ones among the retired included. Throws CommandFailure. */
export async function readKnownCas(config: ServerConfig, now: Date): Promise<KnownCas> {
  const entries: readonly (readonly [KnownIssuer['role'], IssuerConfig])[] = [
    ['signing', config.issuer],
    ...(config.nextIssuer === undefined ? [] : [['next', config.nextIssuer] as const]),
    ...config.retiredIssuers.map((one) => ['retired', one] as const),
  ];
  return refusing(async () => {
    const issuers: KnownIssuer[] = [];
    let index = 0;
    for (const [role, entry] of entries) {
      const chain = (await readIssuerChain(entry.chain, now, 'began')).map((der) => parseCertificate(der));
      const [certificate, root] = [chain[0], chain.at(-1)];
      if (certificate === undefined || root === undefined) throw new Error('a chain has two certificates or more');
      issuers.push({ role, keyId: keyIdOf(certificate), certificate, root, config: entry, index });
      if (role === 'retired') index += 1;
    }
    const further = (await Promise.all(config.furtherRoots.map((file) => readFurtherRoots(file, now)))).flat();
    const roots = [...issuers.map(({ root }) => root), ...further.filter(isSelfSigned)];
    return {
      issuers,
      roots: [...new Map(roots.map((root) => [keyIdOf(root), root])).values()],
      crosses: further.filter((one) => !isSelfSigned(one)),
    };
  });
}

/** The issuing CA that `asked`, eight or more digits of a key id, stands for. Throws CommandFailure unless it is exactly one. */
export function issuerNamed(issuers: readonly KnownIssuer[], asked: string): KnownIssuer {
  const found = /^[0-9a-f]{8,40}$/.test(asked) ? issuers.filter(({ keyId }) => keyId.startsWith(asked)) : [];
  const [one, another] = found;
  if (one !== undefined && another === undefined) return one;
  throw new CommandFailure(EXIT.usage, `no one issuing CA has the key id ${asked}`, '`muster ca show` lists them.');
}

/** Whether `root` signed `certificate`, and names chain. */
export function isIssuedBy(certificate: Certificate, root: Certificate): boolean {
  const [read, issuer] = [new X509Certificate(certificate.der), new X509Certificate(root.der)];
  return read.checkIssued(issuer) && read.verify(issuer.publicKey);
}

/** The last moment at which a CA can sign for the longest lifetime that a pool may have. */
export const lastUse = ({ notAfter }: Certificate): Date => new Date(notAfter.getTime() - MAX_TTL_SECONDS * 1_000);
