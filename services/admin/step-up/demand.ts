import { type Bytes, concatBytes, equalBytes, fromBase64Url, toBase64Url } from '#core/bytes.ts';
import type { RandomSource } from '#core/random.ts';
import { seal, type SealingKey, unseal } from '#core/sealing.ts';
import { STEP_UP_SECONDS, type StepUpAct, stepUpChallenge, type StepUpDemand } from '#protocol/step-up.ts';

/** An act as far as the request itself says it; the nonce and the expiry are the service's. */
export type RequestedAct = Omit<StepUpAct, 'nonce' | 'expiresAt'>;

const PURPOSE = 'muster-step-up-v1';
const NONCE_BYTES = 16;
const EXPIRY_BYTES = 8;
const CHALLENGE_BYTES = 32;

/** What the caller is to sign for this act, within `STEP_UP_SECONDS`. Nothing is remembered: the ticket brings it back, sealed. */
export function makeDemand(
  act: RequestedAct,
  { relyingParty, credentials }: Pick<StepUpDemand, 'relyingParty' | 'credentials'>,
  { key, now, random }: { readonly key: SealingKey; readonly now: Date; readonly random: RandomSource },
): StepUpDemand {
  const nonce = random(NONCE_BYTES);
  const expiry = now.getTime() + STEP_UP_SECONDS * 1_000;
  const whole = { ...act, nonce: toBase64Url(nonce), expiresAt: new Date(expiry).toISOString() };
  const expiryBytes = Buffer.alloc(EXPIRY_BYTES);
  expiryBytes.writeBigUInt64BE(BigInt(expiry));
  const ticket = seal(concatBytes(nonce, expiryBytes, stepUpChallenge(whole)), key, PURPOSE, random);
  return {
    ticket: toBase64Url(ticket),
    nonce: whole.nonce,
    expiresAt: whole.expiresAt,
    relyingParty,
    credentials: [...credentials],
  };
}

/** Why a ticket does not stand for this act, for the audit log. */
export type DemandFault = 'not-ours' | 'expired' | 'other-act';

export type OpenedDemand =
  | { readonly ok: true; readonly challenge: Bytes; readonly expiresAt: Date; readonly nonce: string }
  | { readonly ok: false; readonly fault: DemandFault };

/**
 * The challenge that a ticket stands for, when this service made it for this very act and it has not expired. Does not establish that it is
 * used for the first time: that is the store's.
 */
export function openDemand(
  ticket: string,
  act: RequestedAct,
  { keys, now }: { readonly keys: readonly SealingKey[]; readonly now: Date },
): OpenedDemand {
  const facts = unseal(fromBase64Url(ticket), keys, PURPOSE);
  if (facts?.byteLength !== NONCE_BYTES + EXPIRY_BYTES + CHALLENGE_BYTES) return { ok: false, fault: 'not-ours' };
  const nonce = toBase64Url(facts.subarray(0, NONCE_BYTES));
  const expiresAt = new Date(Number(Buffer.from(facts).readBigUInt64BE(NONCE_BYTES)));
  if (now >= expiresAt) return { ok: false, fault: 'expired' };
  const challenge = stepUpChallenge({ ...act, nonce, expiresAt: expiresAt.toISOString() });
  if (!equalBytes(challenge, facts.subarray(NONCE_BYTES + EXPIRY_BYTES))) return { ok: false, fault: 'other-act' };
  return { ok: true, challenge, expiresAt, nonce };
}
