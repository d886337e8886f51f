import type { Clock } from '#core/clock.ts';
import type { CertificateFingerprint, NodeName } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';

import { type HeldCheck, type HeldCredential, isValidAt } from '../held-credential.ts';
import type { Nudge } from './nudge.ts';
import type { Pause } from './pause.ts';
import { renewalTime } from './renewal-time.ts';
import type { RoundOutcome } from './round.ts';
import { renderSetback, renderSuccess } from './setback.ts';
import { startRetries } from './retries.ts';

export interface KeepJoinedDeps {
  readonly now: Clock;
  readonly random: RandomSource;
  readonly pause: Pause;
  readonly nodeName: NodeName;
  /** What is on the disk. */
  readonly held: () => Promise<HeldCheck>;
  /** One attempt at a certificate. */
  readonly round: (isDone: () => Promise<boolean>) => Promise<RoundOutcome>;
  readonly nudge: Nudge;
  readonly journal: (line: string) => void;
  /** Told whenever there is something to say of it: the certificate that this node can use, if it has one. */
  readonly report: (credential: HeldCredential | undefined, text: string) => void;
}

/** Between a success and the next attempt that nobody asked for: a certificate that is due when it comes must not make a node join all the time. */
const REST_MS = 60_000;

/**
 * Keeps this node in possession of a valid certificate until `signal` is aborted: attests again at 50 to 70 % of each certificate's life, when it is
 * told to, and at once when there is none. A certificate that is valid is never touched but by its successor. Throws on bugs alone.
 */
export async function keepJoined(deps: KeepJoinedDeps, signal: AbortSignal): Promise<void> {
  const { now, nudge, journal } = deps;
  const retries = startRetries(deps.random);
  let said: { readonly fingerprint: CertificateFingerprint | string; readonly renewAt: Date } | undefined;
  let retryMs: number | undefined;
  let leastMs = 0;
  let trouble: string | undefined;
  const dueAt = (held: HeldCredential): Date =>
    renewalTime(held, deps.nodeName, said?.fingerprint === held.fingerprint ? said.renewAt : undefined);
  const look = startLooking(deps);

  for (;;) {
    const held = await look(dueAt, trouble);
    await deps.pause(Math.max(leastMs, waitMs(held, retryMs, dueAt, now())), AbortSignal.any([signal, nudge.signal]));
    if (signal.aborted) return;
    const isTold = nudge.take();
    const isDone = async (): Promise<boolean> => {
      const credential = isTold ? undefined : await usable(deps);
      return credential !== undefined && dueAt(credential) > now();
    };
    retryMs = undefined;
    leastMs = 0;
    if (await isDone()) continue;

    const outcome = await deps.round(isDone);
    if (outcome.status === 'interrupted') continue;
    if (outcome.status === 'superseded') {
      journal('Another muster-agent on this machine has joined; its certificate is used.');
      continue;
    }
    if (outcome.status === 'joined') {
      retries.reset();
      trouble = undefined;
      leastMs = REST_MS;
      said = { fingerprint: outcome.certificate.fingerprint, renewAt: new Date(outcome.certificate.renewAt) };
      journal(renderSuccess(outcome));
      continue;
    }
    retryMs = retries.next(outcome);
    trouble = renderSetback(outcome, await usable(deps), retryMs);
    journal(trouble);
  }
}

/** Until the next attempt. A certificate's end is waited for too, so that it is noticed. */
function waitMs(
  held: HeldCredential | undefined,
  retryMs: number | undefined,
  dueAt: (held: HeldCredential) => Date,
  now: Date,
): number {
  if (held === undefined) return retryMs ?? 0;
  const until = (date: Date): number => Math.max(0, date.getTime() - now.getTime());
  return Math.min(retryMs ?? until(dueAt(held)), until(held.notAfter));
}

async function usable(deps: Pick<KeepJoinedDeps, 'held' | 'now'>): Promise<HeldCredential | undefined> {
  const check = await deps.held();
  return check.status === 'held' && isValidAt(check.credential, deps.now()) ? check.credential : undefined;
}

/** Gives the certificate that can be used now, and says once of each that cannot why not. */
function startLooking(deps: KeepJoinedDeps) {
  let lastSaid = '';
  return async (dueAt: (held: HeldCredential) => Date, trouble?: string): Promise<HeldCredential | undefined> => {
    const check = await deps.held();
    if (check.status === 'held' && isValidAt(check.credential, deps.now())) {
      const { notAfter } = check.credential;
      lastSaid = '';
      const due = dueAt(check.credential).toISOString();
      deps.report(
        check.credential,
        trouble ?? `Certificate valid until ${notAfter.toISOString()}, attesting again at ${due}`,
      );
      return check.credential;
    }
    const reason = reasonOf(check);
    if (reason !== lastSaid) deps.journal(`This node has no valid certificate: ${reason}.`);
    lastSaid = reason;
    deps.report(undefined, trouble ?? `No valid certificate: ${reason}`);
    return undefined;
  };
}

function reasonOf(check: HeldCheck): string {
  if (check.status === 'none') return 'it has not joined yet';
  if (check.status === 'unusable') return check.reason;
  const { notBefore, notAfter } = check.credential;
  return `the one it has is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}`;
}
