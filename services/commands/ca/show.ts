import { z } from 'zod';

import { certificatePem } from '#pki/ceremony.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { openForReading } from '#services/store/sqlite/open-for-reading.ts';

import { keyIdOf } from '../../authorities.ts';
import type { ServerConfig } from '#services/config/config.ts';
import type { CommandTerminal } from '../command-terminal.ts';
import { readCaConfig } from './ca-config.ts';
import { type KnownCas, lastUse, readKnownCas } from './known-cas.ts';

const optionsSchema = z.object({
  config: z.string().min(1),
  roots: z.boolean().default(false),
  count: z.boolean().default(false),
});

/** An issuing CA is to be replaced this long before it is of no more use. */
const DUE_MS = 30 * 86_400_000;
const PAGE = 1_000;
const OF_ONE_NODE = 1_000;

/** Says which node CAs there are, in which place, until when, and when each is to be replaced; with `roots`, prints the roots in PEM instead. */
export async function showCas(options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config: file, roots, count } = optionsSchema.parse(options);
  const now = terminal.now();
  const { config } = await readCaConfig(file, terminal.workingDirectory);
  const known = await readKnownCas(config, now);
  if (roots) {
    terminal.out(known.roots.map(certificatePem).join(''));
    return;
  }
  const counts = count ? await countIssued(config, known) : undefined;
  const lines = known.issuers.map(({ role, keyId, certificate }) => {
    const issued = counts === undefined ? '' : `  ${counts.get(keyId) ?? 0} certificates`;
    const renewal = role === 'retired' ? '' : `  ${dueText(certificate, now)}`;
    return `${role.padEnd(8)} ${keyId}  until ${day(certificate)}${renewal}${issued}`;
  });
  const rootLines = known.roots.map((root) => `${'root'.padEnd(8)} ${keyIdOf(root)}  until ${day(root)}`);
  const crossLines = known.crosses.map((one) => `${'cross'.padEnd(8)} ${keyIdOf(one)}  until ${day(one)}`);
  terminal.out(`${[...lines, ...rootLines, ...crossLines].join('\n')}\n`);
}

const day = ({ notAfter }: Certificate): string => notAfter.toISOString().slice(0, 10);

function dueText(certificate: Certificate, now: Date): string {
  const last = lastUse(certificate);
  const due = new Date(last.getTime() - DUE_MS);
  if (now >= last) return 'OVERDUE: it outlives no certificate of a day';
  const text = `replace between ${due.toISOString().slice(0, 10)} and ${last.toISOString().slice(0, 10)}`;
  return now >= due ? `DUE: ${text}` : text;
}

/** What each has issued, from the store's file, which the service may have open. Undefined where it is not a SQLite file. */
async function countIssued(
  { store }: ServerConfig,
  { issuers }: KnownCas,
): Promise<ReadonlyMap<string, number> | undefined> {
  if (store.kind !== 'sqlite') return undefined;
  const marks = issuers.map(({ keyId }) => ({ keyId, bytes: Buffer.from(keyId, 'hex') }));
  const counts = new Map<string, number>();
  const reading = openForReading(store.path);
  const { operations } = reading;
  try {
    for (const state of [undefined, 'retired'] as const) {
      let after;
      for (;;) {
        const nodes = await operations.listNodes(state === undefined ? {} : { state }, { after, limit: PAGE });
        for (const { id } of nodes) {
          for (const { der } of await operations.listCertificates(id, OF_ONE_NODE)) {
            const issuer = der && marks.find(({ bytes }) => Buffer.from(der).includes(bytes));
            if (issuer !== undefined) counts.set(issuer.keyId, (counts.get(issuer.keyId) ?? 0) + 1);
          }
        }
        after = nodes.at(-1)?.name;
        if (nodes.length < PAGE) break;
      }
    }
    return counts;
  } finally {
    reading.close();
  }
}
