import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

import { toBase64Url } from '#core/bytes.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { localSigner } from '#pki/signer-file.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import type { LiveService } from '#test/lab/live-service.ts';
import { labKey } from '#test/lab/node-ca.ts';
import type { LabTpm } from '#test/lab/software-tpm.ts';

/** A machine that can join a live service again and again. */
export interface BenchNode {
  readonly name: string;
  readonly tpm: LabTpm;
  /** The EK's certificate, then its issuers below the root. */
  readonly ekCertificates: readonly Uint8Array[];
}

/** Where the machines of one service join, which may be at a replica. */
export type JoinPlace = Pick<LiveService, 'url' | 'serviceCaFile' | 'audience'>;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

type Post = (path: string, body: object) => Promise<Answer>;

/** Both calls of one join, over a connection of its own. Resolves to the answer that ended it. */
export async function joinOnce(service: JoinPlace, node: BenchNode): Promise<Answer> {
  const ca = readFileSync(service.serviceCaFile);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, maxCachedSessions: 0 });
  const post: Post = (path, body) => postJson(agent, `${service.url}${path}`, body);
  try {
    const asked = await askForChallenge(node, post);
    return asked.status === 201 ? await answerChallenge(service, node, post, asked) : asked;
  } finally {
    agent.destroy();
  }
}

function askForChallenge({ name, tpm, ekCertificates }: BenchNode, post: Post): Promise<Answer> {
  return post('/v1/challenges', {
    nodeName: name,
    attester: {
      kind: 'tpm2-quote',
      ekPublic: toBase64Url(tpm.ekPublic),
      ekCertificates: ekCertificates.map(toBase64Url),
      akPublic: toBase64Url(tpm.akPublic),
    },
  });
}

async function answerChallenge(service: JoinPlace, node: BenchNode, post: Post, asked: Answer): Promise<Answer> {
  const { tpm, name: nodeName } = node;
  const { ticket, nonce, attester } = challengeResponseSchema.parse(JSON.parse(asked.text));
  const selection = attester.kind === 'tpm2-quote' ? attester.pcrSelection[0] : undefined;
  if (attester.kind !== 'tpm2-quote' || selection === undefined) throw new Error('a challenge to a TPM');
  const { hash: bank, pcrs } = selection;
  const key = labKey();
  const binding = qualifyingData({ audience: service.audience, nonce, nodeName, spki: localSigner(key).spki });
  const secret = tpm.activateCredential(attester.credentialBlob, attester.encryptedSecret);
  tpm.tick(1);
  const { quoted, signature } = tpm.quote({ qualifyingData: binding, bank, pcrs });
  return post('/v1/joins', {
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
