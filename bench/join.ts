import { writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';

import { toBase64Url } from '#core/bytes.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { liveService, type LiveService } from '#test/lab/live-service.ts';
import { labKey } from '#test/lab/node-ca.ts';
import { labTpm, type LabTpm } from '#test/lab/software-tpm.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';

import { cpuMicrosecondsOf } from './process-cpu.ts';

const NODE = 'worker-1';
const WARM_UP = 300;

/** A node that can join a live service again and again. */
interface BenchNode {
  readonly tpm: LabTpm;
  readonly ekCertificate: Uint8Array;
}

/** What complete joins over TLS cost the service. */
export interface JoinBench {
  /** CPU of the service's process (user and system, all threads), in microseconds for each join. */
  readonly cpuMicroseconds: number;
  /** Joins a second, `concurrency` at a time, with the load maker on the same machine. */
  readonly perSecond: number;
}

/** Starts the real service with SQLite on a disk, and joins `joins` times over new TLS connections. */
export async function benchJoins(joins: number, concurrency: number): Promise<JoinBench> {
  const tpm = labTpm({ ek: 'rsa' });
  const ca = labEkCa();
  const node = { tpm, ekCertificate: issueEkCertificate(ca, { spki: tpm.ekSpki, keyType: 'rsa' }) };
  await using service = await liveService({ ekAnchors: [ca.pem] });
  await introduce(service, node);
  await joinMany(service, node, WARM_UP, concurrency);
  const cpuBefore = cpuMicrosecondsOf(service.pid());
  const start = process.hrtime.bigint();
  await joinMany(service, node, joins, concurrency);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return { cpuMicroseconds: (cpuMicrosecondsOf(service.pid()) - cpuBefore) / joins, perSecond: joins / seconds };
}

async function introduce(service: LiveService, node: BenchNode): Promise<void> {
  await writeFile(join(service.folder, 'ek.der'), node.ekCertificate);
  await mustSucceed(service.muster('enrol', NODE, '--pool', 'general', '--ek-cert', 'ek.der'));
  const refused = await joinOnce(service, node);
  const requestId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(refused.text)?.[0] ?? '';
  const out = 'muster/reference/bench.yaml';
  await mustSucceed(service.muster('reference', 'capture', '--join', requestId, '--out', out));
  await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/bench.yaml]' });
}

async function mustSucceed(ended: Promise<{ exitCode: number; err: string }>): Promise<void> {
  const { exitCode, err } = await ended;
  if (exitCode !== 0) throw new Error(err);
}

async function joinMany(service: LiveService, node: BenchNode, joins: number, concurrency: number): Promise<void> {
  let left = joins;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { status, text } = await joinOnce(service, node);
      if (status !== 201) throw new Error(`a join was refused: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Both calls of one join, over a connection of its own. */
async function joinOnce(service: LiveService, { tpm, ekCertificate }: BenchNode): Promise<Answer> {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: readFileSync(service.serviceCaFile),
    maxCachedSessions: 0,
  });
  const post = (path: string, body: object): Promise<Answer> => postJson(agent, `${service.url}${path}`, body);
  try {
    const asked = await post('/v1/challenges', {
      nodeName: NODE,
      attester: {
        kind: 'tpm2-quote',
        ekPublic: toBase64Url(tpm.ekPublic),
        ekCertificates: [toBase64Url(ekCertificate)],
        akPublic: toBase64Url(tpm.akPublic),
      },
    });
    if (asked.status !== 201) return asked;
    const { ticket, nonce, attester } = challengeResponseSchema.parse(JSON.parse(asked.text));
    const selection = attester.kind === 'tpm2-quote' ? attester.pcrSelection[0] : undefined;
    if (attester.kind !== 'tpm2-quote' || selection === undefined) throw new Error('a challenge to a TPM');
    const { hash: bank, pcrs } = selection;
    const key = labKey();
    const binding = qualifyingData({ audience: service.audience, nonce, nodeName: NODE, spki: localSigner(key).spki });
    const secret = tpm.activateCredential(attester.credentialBlob, attester.encryptedSecret);
    tpm.tick(1);
    const { quoted, signature } = tpm.quote({ qualifyingData: binding, bank, pcrs });
    return await post('/v1/joins', {
      ticket,
      csr: toBase64Url(buildCsr(key)),
      evidence: {
        kind: 'tpm2-quote',
        activationSecret: toBase64Url(secret),
        quoted: toBase64Url(quoted),
        signature: toBase64Url(signature),
        pcrs: { [bank]: tpm.readPcrs(bank, pcrs) },
      },
    });
  } finally {
    agent.destroy();
  }
}

function postJson(agent: Agent, url: string, body: object): Promise<Answer> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'content-length': bytes.byteLength };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method: 'POST', headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
