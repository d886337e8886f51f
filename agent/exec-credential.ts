import { z } from 'zod';

import type { Clock } from '#core/clock.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';

import type { AgentConfig } from './config.ts';
import { explainError, outcomeFailure } from './explain.ts';
import { type HeldCredential, isValidAt, readHeldCredential } from './held-credential.ts';
import { acquireJoinLock } from './join-lock.ts';
import { joinNode } from './join-node.ts';
import { EXEC_API_VERSION } from './kubeconfig.ts';
import type { PatienceDeps } from './retry.ts';
import type { AgentEnvironment } from './service/config.ts';

export interface ExecHost extends Omit<PatienceDeps, 'progress'> {
  readonly now: Clock;
  readonly say: (line: string) => void;
  readonly environment: Pick<AgentEnvironment, 'execInfo'>;
}

/** The rest of a certificate's life in which a new one is wanted: this, or a twentieth of the whole, whichever is more. */
const LEAST_MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.05;
/** The longest that a client goes without asking again, so that it follows renewals as one that reads files does. */
const ASK_AGAIN_MS = 300_000;
/** The same where the answer is a certificate in its last minutes. */
const ASK_SOON_MS = 30_000;
/** How long a join may take while a certificate is still valid: the client waits, and could work. */
const WAIT_WHILE_VALID_SECONDS = 15;

const MAX_EXEC_INFO = 262_144;
const execInfoSchema = z.object({ apiVersion: z.literal(EXEC_API_VERSION), kind: z.literal('ExecCredential') });

/**
 * What a Kubernetes client that starts this program reads from its standard output: an ExecCredential with a key and a certificate that are valid
 * now. They are the ones on the disk while those are good for a while yet; otherwise those of a join, and of one only, however many ask at
 * once. Where the join fails, what is on the disk is answered to its last minute. Throws CommandFailure, and as `joinCluster` does.
 */
export async function answerExec(config: AgentConfig, host: ExecHost): Promise<string> {
  checkExecInfo(host.environment.execInfo);
  const { credentialDirectory: directory, claimedNodeName } = config;
  const held = async (): Promise<HeldCredential | undefined> => {
    const found = await readHeldCredential(directory, claimedNodeName);
    return found.status === 'held' && isValidAt(found.credential, host.now()) ? found.credential : undefined;
  };
  const fresh = async (): Promise<HeldCredential | undefined> => {
    const credential = await held();
    return credential !== undefined && isValidAt(credential, host.now(), marginMs(credential)) ? credential : undefined;
  };

  const cached = await fresh();
  if (cached !== undefined) return renderExecCredential(cached, host.now());
  const last = await held();
  const waitSeconds = last === undefined ? config.wait.totalSeconds : WAIT_WHILE_VALID_SECONDS;
  try {
    const isDone = async (): Promise<boolean> => (await fresh()) !== undefined;
    using _ = await acquireJoinLock({ directory, waitSeconds, isDone }, { ...host, progress: host.say });
    // Whoever had the lock before has joined meanwhile, or has not.
    if (!(await isDone())) await joinOrFail(config, waitSeconds, host);
  } catch (error) {
    const failure = explainError(error);
    const still = await held();
    if (still === undefined) throw failure;
    host.say(failure.message);
    host.say(`The certificate at hand is answered with: it is valid until ${still.notAfter.toISOString()}.`);
    return renderExecCredential(still, host.now());
  }
  const joined = await held();
  if (joined === undefined) throw new Error('the credential that was just written is not there');
  return renderExecCredential(joined, host.now());
}

async function joinOrFail(config: AgentConfig, totalSeconds: number, host: ExecHost): Promise<void> {
  const wait = { totalSeconds, spreadFirstSeconds: 0 };
  // The kubelet waits for this process: spans would have it wait for a collector.
  const tracing = config.tracing === undefined ? undefined : {};
  const outcome = await joinNode({ ...config, wait, tracing }, { ...host, progress: host.say });
  if (outcome.status !== 'joined') throw outcomeFailure(outcome);
}

/**
 * Establishes that a Kubernetes client started this program, and speaks the version of the interface that is answered in. Without that the
 * answer, a private key, would go to a terminal or a log. Throws CommandFailure, exit code 78.
 */
export function checkExecInfo(text: string | undefined): void {
  if (text !== undefined && text.length <= MAX_EXEC_INFO && execInfoSchema.safeParse(parseJson(text)).success) return;
  throw new CommandFailure(
    EXIT.configuration,
    text === undefined
      ? 'This command answers Kubernetes clients, and none started it (KUBERNETES_EXEC_INFO is not set): name it in a kubeconfig, as `credentials: plugin` does.'
      : `The Kubernetes client that started this does not speak ${EXEC_API_VERSION} (KUBERNETES_EXEC_INFO): name that version in the kubeconfig.`,
  );
}

const marginMs = ({ notBefore, notAfter }: HeldCredential): number =>
  Math.max(LEAST_MARGIN_MS, (notAfter.getTime() - notBefore.getTime()) * MARGIN_SHARE);

/** The client may use the answer until `expirationTimestamp` and asks again from then on; that is before the certificate's end, always. */
export function renderExecCredential(credential: HeldCredential, now: Date): string {
  const end = credential.notAfter.getTime();
  const freshUntil = end - marginMs(credential);
  const isFresh = now.getTime() < freshUntil;
  const expires = isFresh
    ? Math.min(freshUntil, now.getTime() + ASK_AGAIN_MS)
    : Math.min(end - 1_000, now.getTime() + ASK_SOON_MS);
  const status = {
    expirationTimestamp: `${new Date(expires).toISOString().slice(0, 19)}Z`,
    clientCertificateData: credential.chainPem,
    clientKeyData: credential.keyPem,
  };
  return `${JSON.stringify({ apiVersion: EXEC_API_VERSION, kind: 'ExecCredential', status })}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
