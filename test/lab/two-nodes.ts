import type { Policy } from '#attestation/evidence-policy.ts';
import type { ChallengeRequestBody } from '#protocol/challenge.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';

import type { LabClient, LabResponse } from './https-client.ts';
import { type AnswerOptions, answerOf, challengeRequestOf, enrol } from './join-lab.ts';
import { runService, type RunningService } from './running-service.ts';
import { type LabTpm, labTpm } from './software-tpm.ts';
import { challengeBody, joinBody } from './wire.ts';

/** A service over TLS with two enrolled nodes, `worker-7` and `worker-8`, that are alike in all but their TPMs. */
export interface TwoNodes extends AsyncDisposable {
  readonly running: RunningService;
  readonly client: LabClient;
  readonly first: LabTpm;
  readonly second: LabTpm;
}

export const FIRST = 'worker-7';
export const SECOND = 'worker-8';

export async function twoNodes(options: { readonly policy?: (tpm: LabTpm) => Policy } = {}): Promise<TwoNodes> {
  const first = labTpm();
  const second = labTpm();
  const running = await runService({
    tpm: first,
    ...(options.policy === undefined ? {} : { policy: options.policy(first) }),
  });
  await enrol(running.store, first, { name: FIRST });
  await enrol(running.store, second, { name: SECOND });
  const client = running.node();
  return { running, client, first, second, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** `POST /v1/challenges` with any body. */
export const postChallenge = (client: LabClient, body: string | object): Promise<LabResponse> =>
  client.send({ method: 'POST', path: '/v1/challenges', body });

/** `POST /v1/joins` with any body. */
export const postJoin = (client: LabClient, body: string | object): Promise<LabResponse> =>
  client.send({ method: 'POST', path: '/v1/joins', body });

/** `ok`, or the problem's name. */
export const answerName = ({ status, problem }: LabResponse): string =>
  status === 201 ? 'ok' : (problem ?? `status ${status}`);

/** What a node asks a challenge with. */
export const challengeBodyOf = (tpm: LabTpm, name: string): ChallengeRequestBody =>
  challengeBody(challengeRequestOf(tpm, name));

/** The two requests of one join that a node would make, the second not yet sent. */
export async function capturedJoin(client: LabClient, tpm: LabTpm, options: AnswerOptions = {}) {
  const challenge = challengeBodyOf(tpm, options.name ?? FIRST);
  const response = await postChallenge(client, challenge);
  if (response.status !== 201) throw new Error(`no challenge: ${response.text}`);
  const answered = challengeResponseSchema.parse(response.json);
  return { challenge, challengeText: response.text, join: joinBody(answerOf(answered, tpm, options)) };
}

/** Codes of the denials in every refusal on record, oldest first. */
export async function recordedDenials({ store }: Pick<RunningService, 'store'>): Promise<readonly string[]> {
  const records = await store.readAudit(0, 10_000);
  return records.flatMap(({ facts }) => {
    const denials = facts['denials'];
    return Array.isArray(denials) ? denials.map((denial: { code: string }) => denial.code) : [];
  });
}

/** How many certificates were signed. */
export async function issuedCount({ store }: Pick<RunningService, 'store'>): Promise<number> {
  return (await store.readAudit(0, 10_000)).filter(({ type }) => type === 'certificate.issued').length;
}
