import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

import { type BenchNode, joinOnce, type JoinPlace } from './join-once.ts';
import { type Load, type Measurable, runTogether } from './load.ts';
import { cpuMicrosecondsOf } from './process-cpu.ts';

/** Machines that join in turn, so that nothing the service could keep of one makes the next join cheap. */
const NODES = 32;

/** Machines with RSA-2048 EKs, and the maker whose word the service takes for them: the root of a CA with an intermediate one, on P-256. */
export interface BenchFleet {
  readonly nodes: readonly BenchNode[];
  readonly maker: string;
}

export function benchFleet(): BenchFleet {
  const root = labEkCa();
  const issuer = labEkCa({ issuer: root });
  const nodes = Array.from({ length: NODES }, (_, index): BenchNode => {
    const tpm = labTpm({ ek: 'rsa' });
    const certificate = issueEkCertificate(issuer, { spki: tpm.ekSpki, keyType: 'rsa' });
    return { name: `worker-${index + 1}`, tpm, ekCertificates: [certificate, issuer.der] };
  });
  return { nodes, maker: root.pem };
}

/** The real service with SQLite on a disk. One unit is a complete join over a TLS connection of its own, by one of 32 machines. */
export async function joinLoad(): Promise<Load> {
  const { nodes, maker } = benchFleet();
  const service = await liveService({ ekAnchors: [maker] });
  await introduce(service, nodes);
  return {
    cpuMicroseconds: () => cpuMicrosecondsOf(service.pid()),
    run: joinsAt([service], nodes),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** Joins of the nodes in turn, at the places in turn. A node does not join twice at once. */
export function joinsAt(places: readonly JoinPlace[], nodes: readonly BenchNode[]): Measurable['run'] {
  let turn = 0;
  return (units, concurrency) =>
    runTogether(units, Math.min(concurrency, nodes.length), async () => {
      const [node, place] = [nodes[turn % nodes.length], places[turn % places.length]];
      turn += 1;
      if (node === undefined || place === undefined) throw new RangeError('there are nodes and places');
      const { status, text } = await joinOnce(place, node);
      if (status !== 201) throw new Error(`a join was refused: ${text}`);
    });
}

/** Enrols the nodes, and takes the reference values from the first one's refused join. */
export async function introduce(service: LiveService, nodes: readonly BenchNode[]): Promise<void> {
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
