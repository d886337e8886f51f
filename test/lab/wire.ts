import { toBase64Url } from '#core/bytes.ts';
import { type ChallengeRequest, type ChallengeRequestBody, challengeResponseSchema } from '#protocol/challenge.ts';
import type { JoinRequest, JoinRequestBody } from '#protocol/join.ts';

import type { LabClient, LabResponse } from './https-client.ts';
import { type AnswerOptions, answerOf, challengeRequestOf } from './join-lab.ts';
import type { LabTpm } from './software-tpm.ts';

/** The request as it travels. */
export function challengeBody({ nodeName, attester }: ChallengeRequest): ChallengeRequestBody {
  if (attester.kind !== 'tpm2-quote') return { nodeName, attester };
  return {
    nodeName,
    attester: {
      kind: attester.kind,
      ekPublic: toBase64Url(attester.ekPublic),
      ekCertificates: attester.ekCertificates.map(toBase64Url),
      akPublic: toBase64Url(attester.akPublic),
    },
  };
}

/** The request as it travels. */
export function joinBody({ ticket, csr, evidence }: JoinRequest): JoinRequestBody {
  if (evidence.kind !== 'tpm2-quote') throw new Error('a quote');
  const { kind, activationSecret, quoted, signature, pcrs, eventLog, imaLog } = evidence;
  return {
    ticket: toBase64Url(ticket),
    csr: toBase64Url(csr),
    evidence: {
      kind,
      activationSecret: toBase64Url(activationSecret),
      quoted: toBase64Url(quoted),
      signature: toBase64Url(signature),
      pcrs,
      ...(eventLog && { eventLog: toBase64Url(eventLog) }),
      ...(imaLog && { imaLog: toBase64Url(imaLog) }),
    },
  };
}

/** The body of a join that answers a challenge got over the wire. */
export async function joinBodyFor(
  client: LabClient,
  tpm: LabTpm,
  options: AnswerOptions = {},
): Promise<JoinRequestBody> {
  const body = challengeBody(challengeRequestOf(tpm, options.name));
  const response = await client.send({ method: 'POST', path: '/v1/challenges', body });
  if (response.status !== 201) throw new Error(`no challenge: ${response.text}`);
  return joinBody(answerOf(challengeResponseSchema.parse(response.json), tpm, options));
}

/** One join over the wire. */
export async function joinOverWire(client: LabClient, tpm: LabTpm, options: AnswerOptions = {}): Promise<LabResponse> {
  return client.send({ method: 'POST', path: '/v1/joins', body: await joinBodyFor(client, tpm, options) });
}
