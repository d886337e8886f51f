import { monitorEventLoopDelay } from 'node:perf_hooks';

import { systemRandom } from '#core/random.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { generateKey } from '#pki/ceremony.ts';
import { issueCrl } from '#pki/crl.ts';
import { encodeCrlEntry, type Revocation } from '#pki/revocation.ts';
import { newSerial } from '#pki/serial.ts';
import { localSigner } from '#pki/signer-file.ts';

import { median } from './measure.ts';

export interface CrlBench {
  readonly entries: number;
  /** From pre-encoded entries to the linted, signed and verified list. Aim: at most 1,000. */
  readonly buildMilliseconds: number;
  /** The longest that other work had to wait meanwhile. Aim: at most 50. */
  readonly longestBlockMilliseconds: number;
  /** The cost of one more entry: what a revocation adds to a list whose other entries were kept. */
  readonly entryMicroseconds: number;
}

const ENTRIES = 100_000;
const NOW = new Date('2026-11-21T10:00:00Z');
const TOMORROW = new Date(NOW.getTime() + 86_400_000);

/** Builds one list of 100,000 entries three times and takes the median. */
export async function benchCrl(): Promise<CrlBench> {
  const plan = { organization: 'Bench', commonName: 'root', lifetimeDays: 30 };
  const signer = localSigner(await generateKey());
  const authority = await createRootCa('node-root-ca', plan, signer, { now: NOW, random: systemRandom });
  const revocations = Array.from({ length: ENTRIES }, (): Revocation => {
    return { serial: newSerial(systemRandom), revokedAt: NOW, reason: 'keyCompromise' };
  });
  const encodeStart = performance.now();
  const entries = revocations.map(encodeCrlEntry);
  const entryMicroseconds = ((performance.now() - encodeStart) * 1_000) / ENTRIES;

  const builds: number[] = [];
  const blocks: number[] = [];
  for (let round = 1; round <= 3; round += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    const crl = { number: BigInt(round), thisUpdate: NOW, nextUpdate: TOMORROW, entries, previous: undefined };
    await issueCrl(crl, authority);
    builds.push(performance.now() - start);
    delay.disable();
    blocks.push(delay.max / 1e6);
  }
  return {
    entries: ENTRIES,
    buildMilliseconds: median(builds),
    longestBlockMilliseconds: median(blocks),
    entryMicroseconds,
  };
}
