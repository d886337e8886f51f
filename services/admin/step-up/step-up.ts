import type { AuditEvent } from '#core/audit-record.ts';
import { fromBase64Url, toHex } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { CertificateFingerprint } from '#core/ids.ts';
import type { RandomSource } from '#core/random.ts';
import type { SealingKeys } from '#core/sealing.ts';
import type { StepUpAssertion } from '#protocol/step-up.ts';
import type { Occasion } from '#services/audit/events.ts';
import { stepUpAccepted, stepUpRefused, stepUpRequired } from '#services/audit/step-up-events.ts';
import { networkOf, type Origin } from '#services/http/origin.ts';
import type { Principal } from '#services/http/principal.ts';
import { RateLimit } from '#services/http/rate-limit.ts';
import type { Answer } from '#services/http/route.ts';
import type { StepUpStore, StepUpUsed } from '#services/store/step-ups.ts';

import type { StepUpActName } from './acts.ts';
import { type DemandFault, makeDemand, openDemand, type RequestedAct } from './demand.ts';
import { readStepUpHeader } from './read-header.ts';
import type { SecurityKey } from './security-key.ts';
import { type AssertionFault, verifyAssertion } from './verify-assertion.ts';

export interface StepUpDeps {
  readonly now: Clock;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsedMs: () => number;
  readonly random: RandomSource;
  readonly sealingKeys: SealingKeys;
  readonly relyingParty: string;
  /** Whether administrators without a key are refused what a key is asked for. */
  readonly require: boolean;
  /** The acts that a key is asked for. */
  readonly required: ReadonlySet<StepUpActName>;
  /** The keys that are registered beside a certificate at this moment. Rejects when that cannot be known. */
  readonly securityKeysOf: (administrator: CertificateFingerprint) => Promise<readonly SecurityKey[]>;
  readonly useStepUp: StepUpStore['useStepUp'];
  readonly appendAudit: (event: AuditEvent) => Promise<unknown>;
}

/** One request that may need a second factor. */
export interface StepUpRequest {
  readonly caller: Principal;
  readonly occasion: Occasion;
  readonly origin: Origin | undefined;
  /** What it is, by the names that the configuration has for it; the first is what it is called. */
  readonly acts: readonly StepUpActName[];
  readonly requested: RequestedAct;
  /** The header's value, where it came. */
  readonly header: string | undefined;
}

/** Resolves to undefined when the act may be done, otherwise to the answer. */
export type StepUp = (request: StepUpRequest) => Promise<Answer | undefined>;

/** Five failures of one certificate from one network, then one in three minutes. From elsewhere the administrator is not locked out. */
const FAILURES = { burst: 5, perMinute: 1 / 3 };
/** A spent challenge is remembered this much longer than it lives, so that replicas whose clocks differ still find it spent. */
const FORGET_AFTER_MS = 600_000;

type Fault = 'malformed' | 'unknown-credential' | DemandFault | AssertionFault | Exclude<StepUpUsed, 'used'>;

/**
 * The second factor of administrators. Of an act that it lets through, where the caller has a key: a key that was registered beside the caller's
 * certificate at that moment signed this method, path and body, for this certificate, in the last two minutes, by a touch of a person whom it
 * verified; no other request was let through by that signature; and it is on record, under the request's id.
 */
export function stepUp(deps: StepUpDeps): StepUp {
  const failures = new RateLimit(FAILURES);
  return async (request) => {
    const { caller, acts, occasion, requested, header } = request;
    const [act] = acts;
    if (act === undefined || !acts.some((name) => deps.required.has(name))) return undefined;
    const keys = await deps.securityKeysOf(caller.fingerprint);
    const told = { act, method: requested.method, path: requested.path, bodyDigest: requested.bodyDigest };
    if (keys.length === 0) {
      if (!deps.require) return undefined;
      await deps.appendAudit(stepUpRequired(occasion, caller.name, { ...told, keys: 0 }));
      return { problem: 'step-up-required', detail: 'no security key is registered beside this certificate' };
    }
    if (header === undefined) {
      await deps.appendAudit(stepUpRequired(occasion, caller.name, { ...told, keys: keys.length }));
      const credentials = keys.map(({ credentialId }) => credentialId);
      const { relyingParty, sealingKeys, random } = deps;
      const now = deps.now();
      const demand = makeDemand(
        requested,
        { relyingParty, credentials },
        { key: sealingKeys.sealing(now), random, now },
      );
      return { problem: 'step-up-required', stepUp: demand };
    }

    const failureKey = `${caller.fingerprint} ${request.origin === undefined ? '' : networkOf(request.origin)}`;
    const refuse = async (reason: Fault | 'locked-out', credential: string | undefined): Promise<void> => {
      await deps.appendAudit(stepUpRefused(occasion, caller.name, { ...told, reason, credential }));
    };
    const waitMs = failures.waitMs(failureKey, deps.elapsedMs());
    if (waitMs > 0) {
      await refuse('locked-out', undefined);
      return { problem: 'rate-limited', retryAfterSeconds: Math.ceil(waitMs / 1_000) };
    }
    // What is judged without the store is charged in the turn in which the limit was looked at: however many come at once, five fail.
    const judged = judge(deps, header, requested, keys);
    const outcome = judged.ok ? await use(deps, request, judged, told) : judged;
    if (outcome.ok) return undefined;
    failures.charge(failureKey, deps.elapsedMs());
    await refuse(outcome.fault, outcome.credential);
    return { problem: 'step-up-required', detail: 'the assertion was not accepted' };
  };
}

interface Judged {
  readonly ok: true;
  readonly assertion: StepUpAssertion;
  readonly key: SecurityKey;
  readonly challenge: string;
  readonly expiresAt: Date;
  readonly counter: number;
}

interface Refused {
  readonly ok: false;
  readonly fault: Fault;
  readonly credential: string | undefined;
}

/** Everything that can be said of an assertion without the store. */
function judge(
  deps: StepUpDeps,
  header: string,
  requested: RequestedAct,
  keys: readonly SecurityKey[],
): Judged | Refused {
  const assertion = readStepUpHeader(header);
  if (assertion === undefined) return { ok: false, fault: 'malformed', credential: undefined };
  const { credential } = assertion;
  const now = deps.now();
  const demand = openDemand(assertion.ticket, requested, { keys: deps.sealingKeys.opening(now), now });
  if (!demand.ok) return { ok: false, fault: demand.fault, credential };
  const key = keys.find(({ credentialId }) => credentialId === credential);
  if (key === undefined) return { ok: false, fault: 'unknown-credential', credential };
  const { challenge, expiresAt } = demand;
  const verified = verifyAssertion(
    {
      authenticatorData: fromBase64Url(assertion.authenticatorData),
      clientData: fromBase64Url(assertion.clientData),
      signature: fromBase64Url(assertion.signature),
    },
    { challenge, relyingParty: deps.relyingParty, key },
  );
  if (!verified.ok) return { ok: false, fault: verified.fault, credential };
  return { ok: true, assertion, key, challenge: toHex(challenge), expiresAt, counter: verified.counter };
}

async function use(
  { now, useStepUp }: StepUpDeps,
  { caller, occasion }: StepUpRequest,
  { assertion, key, challenge, expiresAt, counter }: Judged,
  told: { readonly act: string; readonly method: string; readonly path: string; readonly bodyDigest: string },
): Promise<{ readonly ok: true } | Refused> {
  const { credential, authenticatorData, clientData, signature } = assertion;
  const used = await useStepUp(
    { challenge, expiresAt, credential, counter, forgetBefore: new Date(now().getTime() - FORGET_AFTER_MS) },
    stepUpAccepted(occasion, caller.name, {
      ...told,
      administrator: caller.fingerprint,
      challenge,
      expiresAt: expiresAt.toISOString(),
      keyName: key.name,
      credential,
      counter,
      authenticatorData,
      clientData,
      signature,
    }),
  );
  return used === 'used' ? { ok: true } : { ok: false, fault: used, credential };
}
