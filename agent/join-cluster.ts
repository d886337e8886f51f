import { createPublicKey, type KeyObject } from 'node:crypto';

import { type Bytes, toBase64Url } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import { qualifyingData } from '#core/qualifying-data.ts';
import { buildCsr } from '#pki/x509/build-csr.ts';
import type { ProblemName } from '#protocol/problem.ts';

import { type Answer, MAX_RETRY_AFTER_SECONDS } from './answer.ts';
import type { AtomicFileDeps } from './atomic-file.ts';
import type { Attester } from './attester.ts';
import { type CallbackOptions, CallbackPortError, listenForCallback } from './callback-listener.ts';
import { checkIssued } from './check-issued.ts';
import { type JoinService, type PreparedJoin, prepareJoin } from './client.ts';
import type { AgentConfig } from './config.ts';
import { installCredential } from './credential.ts';
import { checkCluster, renderKubeconfig, writeKubeconfig } from './kubeconfig.ts';
import { ClockOffError } from './service-time.ts';
import { firstDelayMs, type Patience, type PatienceDeps, startPatience } from './retry.ts';

export interface JoinDeps extends PatienceDeps, AtomicFileDeps {
  readonly now: Clock;
  readonly service: JoinService;
  /** The TPM, with its EK and AK loaded. */
  readonly openAttester: () => Promise<Attester>;
  /** A P-256 private key that nobody has seen. */
  readonly newKey: () => KeyObject;
}

/** What a join came to. Reasons are for an operator, without a full stop. */
export type JoinOutcome =
  | JoinedNode
  /** The service will not have this node as it is. */
  | { readonly status: 'refused'; readonly problem: ProblemName | undefined; readonly requestId: string | undefined }
  /** The service asks to come back, and the time that the configuration allows is over. */
  | { readonly status: 'not-yet'; readonly reason: string; readonly retryAfterSeconds: number }
  | { readonly status: 'unreachable'; readonly reason: string }
  /** The service answered with something that no node should use. */
  | { readonly status: 'answer-unusable'; readonly reason: string };

/** The node has its certificate, and the kubelet can use it. */
export interface JoinedNode {
  readonly status: 'joined';
  readonly node: {
    readonly id: string;
    readonly name: string;
    readonly pool: string;
    readonly protectionRating: string;
  };
  readonly certificate: {
    readonly serial: string;
    readonly fingerprint: string;
    readonly notAfter: string;
    readonly renewAt: string;
  };
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly registerWithTaints: readonly {
    readonly key: string;
    readonly value?: string | undefined;
    readonly effect: string;
  }[];
  readonly credentialFile: string;
  readonly kubeconfigFile: string;
}

/** One attempt ended, and only a new challenge can go on from here. */
type Again = { readonly status: 'again'; readonly reason: string; readonly afterSeconds: number };

/**
 * One join, from the TPM to the kubelet's files, with as many attempts as the configured time allows. Each attempt has its own challenge and
 * its own key; within one, a request that got no answer is repeated unchanged. Until an outcome is `joined`, the files of an earlier join
 * are untouched. Throws when the TPM or the file system fails.
 */
export async function joinCluster(deps: JoinDeps, config: AgentConfig): Promise<JoinOutcome> {
  const patience = startPatience(deps, config.wait.totalSeconds);
  await deps.sleep(firstDelayMs(config.claimedNodeName, config.wait.spreadFirstSeconds));
  for (;;) {
    const outcome = await joinOnce(deps, config, patience).catch(againOnceClockIsSet);
    if (outcome.status !== 'again') return outcome;
    const { reason, afterSeconds } = outcome;
    if (!(await patience.pause(reason, afterSeconds)))
      return { status: 'not-yet', reason, retryAfterSeconds: afterSeconds };
  }
}

async function joinOnce(deps: JoinDeps, config: AgentConfig, patience: Patience): Promise<JoinOutcome | Again> {
  const { progress } = deps;

  // a3 to a5. The TPM is ours until the evidence is collected, and no longer: what follows may take minutes.
  const key = deps.newKey();
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const prepared = await attest(deps, config, patience, { key, spki });
  if (prepared.status !== 'ok') return prepared;

  // a6. The same bytes each time: a repeat of a join that succeeded gets the same certificate back.
  const answer = await submit(deps, patience, prepared);
  if (answer.status === 'no-callback') return unusable(answer.reason);
  if (answer.status !== 'ok') return outcomeOf(answer);
  const { value } = answer;
  if ('status' in value) {
    const afterSeconds = Math.min(value.retryAfterSeconds, MAX_RETRY_AFTER_SECONDS);
    return again('an administrator must approve this node first', afterSeconds);
  }

  // a7. Nothing is installed that a kubelet could not use, or that says more than this node asked for.
  const expected = { nodeName: config.claimedNodeName, spki, nodeCa: config.nodeCa, now: deps.now() };
  const issued = checkIssued(value, expected);
  if (!issued.ok) return { status: 'answer-unusable', reason: issued.reason };
  const cluster = checkCluster(value.kubernetes);
  if (!cluster.ok) return { status: 'answer-unusable', reason: cluster.reason };

  // a8. The credential before the kubeconfig that names it.
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const credential = { keyPem, chainPem: issued.chainPem };
  const credentialFile = await installCredential(config.credentialDirectory, credential, deps);
  const kubeconfig = renderKubeconfig(value, { delivery: config.credentials, credentialFile });
  await writeKubeconfig(config.kubeconfigFile, kubeconfig, deps);
  progress(`The kubelet's credential is in ${credentialFile}, its kubeconfig in ${config.kubeconfigFile}.`);
  const { node, certificate, kubernetes } = value;
  const { nodeLabels, registerWithTaints } = kubernetes;
  const { serial, fingerprint, notAfter, renewAt } = certificate;
  return {
    status: 'joined',
    node,
    certificate: { serial, fingerprint, notAfter, renewAt },
    nodeLabels,
    registerWithTaints,
    credentialFile,
    kubeconfigFile: config.kubeconfigFile,
  };
}

/** A join request, and the call that the service makes before it answers. */
interface Attested {
  readonly status: 'ok';
  readonly join: PreparedJoin;
  readonly callback: CallbackOptions | undefined;
}

/** The answer to a join. The service is listened for until it is there, and no longer. */
async function submit(deps: JoinDeps, patience: Patience, { join, callback }: Attested) {
  try {
    await using _ = callback === undefined ? undefined : await listenForCallback(callback, deps);
    return await untilAnswered(patience, () => deps.service.submitJoin(join));
  } catch (error) {
    if (!(error instanceof CallbackPortError)) throw error;
    return { status: 'no-callback', reason: error.message } as const;
  }
}

/** The join request for `key`, with evidence that binds it to this service, this challenge and this name. */
async function attest(
  deps: JoinDeps,
  config: AgentConfig,
  patience: Patience,
  { key, spki }: { readonly key: KeyObject; readonly spki: Bytes },
): Promise<Attested | Exclude<JoinOutcome, JoinedNode> | Again> {
  const { audience, claimedNodeName: nodeName } = config;

  // a3. EK certificate, EK and AK.
  deps.progress(config.measurements === undefined ? 'Opening the TPM.' : 'Opening the key that signs measurements.');
  await using attester = await deps.openAttester();

  // a4. The challenge.
  const withKey = attester.ekType === undefined ? '' : `, with the EK of type ${attester.ekType}`;
  deps.progress(`Asking for a challenge as ${nodeName}${withKey}.`);
  const request = { nodeName, attester: attester.description };
  const answer = await untilAnswered(patience, () => deps.service.requestChallenge(request));
  if (answer.status !== 'ok') return outcomeOf(answer);
  const { ticket, nonce, attester: challenge, callback } = answer.value;

  // a5. The request for a certificate, and a quote that covers its key.
  deps.progress('Proving what this machine is and what it booted.');
  const csr = buildCsr(key);
  const collected = await attester.collectEvidence(challenge, qualifyingData({ audience, nonce, nodeName, spki }));
  if (!collected.ok) return unusable(collected.reason);
  const join = prepareJoin({ ticket, csr: toBase64Url(csr), evidence: collected.evidence });
  return { status: 'ok', join, callback: callback === undefined ? undefined : { port: callback.port, key, ticket } };
}

/** The first answer that repeating the same request would not change; the last one there was if the time ran out before it came. */
async function untilAnswered<T>(patience: Patience, ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
  for (;;) {
    const answer = await ask();
    if (answer.status === 'ok' || answer.status === 'unusable') return answer;
    if (answer.status === 'problem' && answer.retry !== 'same-request') return answer;
    const [reason, seconds] =
      answer.status === 'problem' ? [problemReason(answer), answer.retryAfterSeconds] : [answer.reason, 0];
    if (!(await patience.pause(reason, seconds))) return answer;
  }
}

/** What an answer that is not a success means for the join. */
function outcomeOf(answer: Exclude<Answer<unknown>, { status: 'ok' }>): Exclude<JoinOutcome, JoinedNode> | Again {
  switch (answer.status) {
    case 'unreachable':
      return { status: 'unreachable', reason: answer.reason };
    case 'unusable':
      return unusable(answer.reason);
    case 'problem':
      if (answer.retry === 'new-challenge') return again(problemReason(answer), answer.retryAfterSeconds);
      if (answer.retry === 'same-request') {
        return { status: 'not-yet', reason: problemReason(answer), retryAfterSeconds: answer.retryAfterSeconds };
      }
      return { status: 'refused', problem: answer.problem, requestId: answer.requestId };
  }
}

function problemReason({ problem, httpStatus }: Extract<Answer<unknown>, { status: 'problem' }>): string {
  return `the service says ${problem ?? `HTTP ${httpStatus}`}`;
}

/** The clock of a machine that boots is often set a little later. */
function againOnceClockIsSet(error: unknown): Again {
  if (error instanceof ClockOffError) return again(error.message, 0);
  throw error;
}

const unusable = (reason: string) => ({ status: 'answer-unusable', reason }) as const;

const again = (reason: string, afterSeconds: number): Again => ({ status: 'again', reason, afterSeconds });
