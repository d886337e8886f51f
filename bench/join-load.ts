import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

import { type BenchNode, joinOnce } from './join-once.ts';
import { type Load, runTogether } from './load.ts';

/** Machines that join in turn, so that nothing the service could keep of one makes the next join cheap. */
const NODES = 32;

/**
 * The real service with SQLite on a disk. One unit is a complete join over a TLS connection of its own, by one of 32 machines with RSA-2048
 * EKs whose certificates stand below an intermediate CA on P-256.
 */
export async function joinLoad(): Promise<Load> {
  const root = labEkCa();
  const issuer = labEkCa({ issuer: root });
  const nodes = Array.from({ length: NODES }, (_, index): BenchNode => {
    const tpm = labTpm({ ek: 'rsa' });
    const certificate = issueEkCertificate(issuer, { spki: tpm.ekSpki, keyType: 'rsa' });
    return { name: `worker-${index + 1}`, tpm, ekCertificates: [certificate, issuer.der] };
  });
  const service = await liveService({ ekAnchors: [root.pem] });
  await introduce(service, nodes);
  let turn = 0;
  return {
    pid: service.pid,
    run: (units, concurrency) =>
      runTogether(units, Math.min(concurrency, NODES), async () => {
        const node = nodes[turn++ % NODES];
        if (node === undefined) throw new RangeError('there are nodes');
        const { status, text } = await joinOnce(service, node);
        if (status !== 201) throw new Error(`a join was refused: ${text}`);
      }),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** Enrols the nodes, and takes the reference values from the first one's refused join. */
async function introduce(service: LiveService, nodes: readonly BenchNode[]): Promise<void> {
  const [first] = nodes;
  if (first === undefined) throw new RangeError('there are nodes');
  const lines = nodes.map(({ name, tpm }) => `${name},general,${tpm.ekFingerprint}\n`);
  await writeFile(join(service.folder, 'nodes.csv'), `name,pool,ekPublicHash\n${lines.join('')}`);
  await mustSucceed(service.muster('enrol', '--from', 'nodes.csv'));
  const refused = await joinOnce(service, first);
  const requestId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(refused.text)?.[0] ?? '';
  const out = 'muster/reference/bench.yaml';
  await mustSucceed(service.muster('reference', 'capture', '--join', requestId, '--out', out));
  await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/bench.yaml]' });
}

async function mustSucceed(ended: Promise<{ exitCode: number; err: string }>): Promise<void> {
  const { exitCode, err } = await ended;
  if (exitCode !== 0) throw new Error(err);
}
