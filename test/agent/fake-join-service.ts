import { randomBytes, randomUUID, verify } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';

import { equalBytes, fromBase64Url, fromHex, toBase64Url } from '#core/bytes.ts';
import { type Clock, systemClock } from '#core/clock.ts';
import type { NodeName } from '#core/ids.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { systemRandom } from '#core/random.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { parseCsr } from '#pki/x509/csr.ts';
import { type ChallengeRequest, challengeRequestSchema, type ChallengeResponseBody } from '#protocol/challenge.ts';
import { joinRequestSchema, type JoinRequest, type JoinResponseBody, type Tpm2Evidence } from '#protocol/join.ts';
import { type ProblemName, PROBLEMS, problemType } from '#protocol/problem.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { makeCredential } from '#tpm2/credential.ts';
import { objectName } from '#tpm2/name.ts';
import { encodePcrSelections, pcrComposite, pcrSelection } from '#tpm2/pcr.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';
import { ecdsaP1363, parseSignature } from '#tpm2/signature.ts';
import { labAdmission, labIssuer, labNodeCa, type NodeCa } from '#test/lab/node-ca.ts';
import { certificatePem, labServerIdentity } from '#test/lab/service-pki.ts';

/** What becomes of one request instead of an answer. */
export type Fault =
  /** The connection breaks before the service has looked at the request. */
  | 'drop'
  /** The service does its part, and the connection breaks before the answer gets through. */
  | 'lose-answer'
  /** The service does its part, and neither answers nor hangs up. */
  | 'hang'
  | 'answer'
  | {
      readonly status: number;
      readonly type?: string;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    };

export interface FakeJoinService extends AsyncDisposable {
  readonly url: URL;
  /** PEM of the CA that issued its TLS certificate. */
  readonly caPem: string;
  readonly nodeCa: NodeCa;
  /** Every request that arrived, in order. */
  readonly requests: { readonly path: string; readonly body: string }[];
  /** How many TLS connections there have been. */
  readonly connections: () => number;
  /** What becomes of the next requests; when it is empty they are answered. */
  readonly faults: Fault[];
  /** Every heartbeat that arrived: the name in the client's verified certificate, undefined without one, and the body. */
  readonly heartbeats: { readonly from: string | undefined; readonly body: string }[];
  /** The answer to heartbeats; without one they are not served. */
  answerHeartbeat: (() => Exclude<Fault, string>) | undefined;
  /** How many certificates were signed. */
  readonly issued: () => number;
  editChallenge: (answer: ChallengeResponseBody) => object;
  editJoin: (answer: JoinResponseBody) => object;
}

export const AUDIENCE = 'join.lab.example';
const PCRS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

interface Pending {
  readonly request: ChallengeRequest;
  readonly nonce: Uint8Array;
  readonly secret: Uint8Array;
}

/**
 * A join service of one file, for the agent's tests: it serves the protocol over TLS and verifies what an attester sends (activation, quote,
 * binding, CSR), but knows no enrolment, policy or record. A repeated join gets the answer of the first. `now` is its own clock, which it
 * writes certificates by.
 */
export async function startFakeJoinService({ now = systemClock }: { now?: Clock } = {}): Promise<FakeJoinService> {
  const nodeCa = await labNodeCa({ now: new Date() });
  const identity = await labServerIdentity(nodeCa.management);
  const issuer = labIssuer(nodeCa);
  const pending = new Map<string, Pending>();
  const answered = new Map<string, { readonly body: string; readonly answer: JoinResponseBody }>();
  let issued = 0;
  let connections = 0;

  const server = createServer({
    key: identity.keyPem,
    cert: identity.certificatePem,
    minVersion: 'TLSv1.3',
    // Shown by heartbeats alone; whether it is good is for them to say.
    ca: certificatePem(nodeCa.root.certificate),
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('secureConnection', () => (connections += 1));
  server.on('request', (request, response) => {
    response.setHeader('date', now().toUTCString());
    void handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const service: FakeJoinService = {
    url: new URL(`https://127.0.0.1:${address.port}`),
    caPem: certificatePem(nodeCa.management.certificate),
    nodeCa,
    requests: [],
    connections: () => connections,
    faults: [],
    heartbeats: [],
    answerHeartbeat: undefined,
    issued: () => issued,
    editChallenge: (answer) => answer,
    editJoin: (answer) => answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return service;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const path = request.url ?? '';
    if (path === '/v1/heartbeats') return heartbeat(request, response, body);
    service.requests.push({ path, body });
    const fault = service.faults.shift() ?? 'answer';
    if (fault === 'drop') return void request.socket.destroy();
    if (typeof fault === 'object') return send(response, fault);
    const answer =
      path === '/v1/challenges' ? challenge(body) : path === '/v1/joins' ? await join(body) : refuse('not-found');
    if (fault === 'lose-answer') return void request.socket.destroy();
    if (fault === 'hang') return;
    send(response, answer);
  }

  function heartbeat({ socket }: IncomingMessage, response: ServerResponse, body: string): void {
    if (!(socket instanceof TLSSocket)) throw new TypeError('not TLS');
    const { CN: name } = socket.authorized ? socket.getPeerCertificate().subject : {};
    service.heartbeats.push({ from: typeof name === 'string' ? name : undefined, body });
    send(response, service.answerHeartbeat?.() ?? refuse('not-found'));
  }

  function challenge(body: string): Exclude<Fault, string> {
    const request = challengeRequestSchema.parse(JSON.parse(body));
    const { attester } = request;
    if (attester.kind !== 'tpm2-quote') return refuse('evidence-rejected');
    const [ticket, nonce, secret] = [toBase64Url(randomBytes(64)), randomBytes(32), randomBytes(32)];
    pending.set(ticket, { request, nonce, secret });
    const ekPublic = parsePublicArea(attester.ekPublic);
    const akName = objectName(attester.akPublic, 'sha256');
    const credential = makeCredential({ ekPublic, akName, secret, random: systemRandom });
    const answer: ChallengeResponseBody = {
      ticket,
      nonce: toBase64Url(nonce),
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      attester: {
        kind: 'tpm2-quote',
        credentialBlob: toBase64Url(credential.credentialBlob),
        encryptedSecret: toBase64Url(credential.encryptedSecret),
        pcrSelection: [{ hash: 'sha256', pcrs: PCRS }],
        logs: [],
      },
    };
    return { status: 201, body: JSON.stringify(service.editChallenge(answer)) };
  }

  async function join(body: string): Promise<Exclude<Fault, string>> {
    const parsed: JoinRequest = joinRequestSchema.parse(JSON.parse(body));
    const ticket = toBase64Url(parsed.ticket);
    const before = answered.get(ticket);
    if (before !== undefined) return before.body === body ? created(before.answer) : refuse('challenge-invalid');
    const challenged = pending.get(ticket);
    pending.delete(ticket);
    if (challenged === undefined) return refuse('challenge-invalid');
    if (parsed.evidence.kind !== 'tpm2-quote' || !verifies(challenged, parsed, parsed.evidence))
      return refuse('evidence-rejected');
    const answer = await issue(challenged.request.nodeName, parsed.csr);
    answered.set(ticket, { body, answer });
    return created(answer);
  }

  async function issue(nodeName: NodeName, csr: Uint8Array): Promise<JoinResponseBody> {
    const preparation = issuer.prepare(labAdmission({ nodeName }), parseCsr(csr), now());
    if (!preparation.ok) throw new Error(preparation.code);
    const certificate = await issuer.sign(preparation.prepared);
    issued += 1;
    const { serial, fingerprint, notBefore, notAfter } = certificate;
    return {
      node: { id: randomUUID(), name: nodeName, pool: 'general', protectionRating: 'default' },
      certificate: {
        chainPem: encodePem('CERTIFICATE', certificate.der) + encodePem('CERTIFICATE', nodeCa.issuing.certificate.der),
        serial,
        fingerprint,
        notBefore: notBefore.toISOString(),
        notAfter: notAfter.toISOString(),
        renewAt: new Date((notBefore.getTime() + notAfter.getTime()) / 2).toISOString(),
      },
      kubernetes: {
        apiServer: 'https://kubernetes.lab.example:6443',
        caPem: encodePem('CERTIFICATE', nodeCa.root.certificate.der),
        nodeLabels: { 'node-restriction.kubernetes.io/pool': 'general' },
        registerWithTaints: [{ key: 'muster/new', effect: 'NoSchedule' }],
      },
    };
  }

  function created(answer: JoinResponseBody): Exclude<Fault, string> {
    return { status: 201, body: JSON.stringify(service.editJoin(answer)) };
  }
}

/** A problem document as the service writes it. */
export function refuse(
  problem: ProblemName,
  {
    headers = {},
    requestId = 'a4f1fe42-5b0e-4d1b-8f43-5d1f6f2d6c11',
  }: { headers?: Record<string, string>; requestId?: string } = {},
): Exclude<Fault, string> {
  const { status, retry, title } = PROBLEMS[problem];
  const body = JSON.stringify({ type: problemType(problem), title, status, instance: `urn:uuid:${requestId}`, retry });
  return { status, type: 'application/problem+json', headers, body };
}

function send(response: ServerResponse, answer: Exclude<Fault, string>): void {
  const { status, type = 'application/json', headers = {}, body = '' } = answer;
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

/** Activation, signature, binding and PCR digest: what tells the TPM of the challenge from anything else. */
function verifies({ request, nonce, secret }: Pending, join: JoinRequest, evidence: Tpm2Evidence): boolean {
  if (request.attester.kind !== 'tpm2-quote' || !equalBytes(evidence.activationSecret, secret)) return false;
  const ak = parsePublicArea(request.attester.akPublic);
  const attest = parseAttest(evidence.quoted);
  const signature = parseSignature(evidence.signature);
  if (ak.type !== 'ecc' || signature.scheme !== 'ecdsa' || attest.type !== 'quote') return false;
  const key = { key: publicAreaKey(ak), dsaEncoding: 'ieee-p1363' } as const;
  const spki = parseCsr(join.csr).publicKey.raw;
  const binding = qualifyingData({ audience: AUDIENCE, nonce, nodeName: request.nodeName, spki });
  const values = PCRS.map((pcr) => fromHex(evidence.pcrs.sha256?.[String(pcr)] ?? ''));
  return (
    verify(signature.hash, evidence.quoted, key, ecdsaP1363(signature, ak.curve)) &&
    equalBytes(attest.extraData, binding) &&
    equalBytes(encodePcrSelections(attest.pcrSelect), encodePcrSelections([pcrSelection('sha256', PCRS)])) &&
    equalBytes(attest.pcrDigest, pcrComposite(signature.hash, values))
  );
}

/** The bytes of a ticket as it travels. */
export const ticketOf = (body: string): string =>
  toBase64Url(fromBase64Url((JSON.parse(body) as { ticket: string }).ticket));
