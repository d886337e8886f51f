import { z } from 'zod';

import { type Bytes, isBase64Url, toBase64Url, utf8 } from '#core/bytes.ts';
import { type CanonicalValue, canonicalJson } from '#core/canonical-json.ts';
import { sha256, sha256Hex } from '#core/digest.ts';

import { timestamp } from './fields.ts';

/** The request header that brings an assertion: base64url of the JSON of `stepUpAssertionSchema`. */
export const STEP_UP_HEADER = 'muster-step-up';
/** Characters of that header, at most. */
export const STEP_UP_HEADER_MAX = 4_096;
/** Seconds from a challenge to the end of its use. */
export const STEP_UP_SECONDS = 120;

/** Characters of a credential id in base64url: 384 bytes. */
const CREDENTIAL_ID_MAX = 512;

const base64Url = (maxCharacters: number) =>
  z.string().min(1).max(maxCharacters).refine(isBase64Url, 'not base64url without padding');

/** A security key's name for one of its keys. */
export const credentialIdSchema = base64Url(CREDENTIAL_ID_MAX);

/** A WebAuthn relying party id: a domain in lower case. */
export const relyingPartySchema = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'not a lower-case domain',
  );

/** What a problem document of `step-up-required` asks for. Good for the very request that it answers, from the same administrator, once. */
export const stepUpDemandSchema = z.object({
  /** Brought back with the assertion. */
  ticket: base64Url(1_024),
  /** The two members of the act that the caller does not know. */
  nonce: base64Url(64),
  expiresAt: timestamp,
  relyingParty: relyingPartySchema,
  /** Of the caller's keys. */
  credentials: z.array(credentialIdSchema).min(1).max(16),
});
export type StepUpDemand = z.output<typeof stepUpDemandSchema>;

/** What the caller brings, binary members in base64url. */
export const stepUpAssertionSchema = z.strictObject({
  ticket: base64Url(1_024),
  credential: credentialIdSchema,
  /** Exactly as the key signed it. */
  authenticatorData: base64Url(342),
  clientData: base64Url(1_024),
  signature: base64Url(342),
});
export type StepUpAssertion = z.output<typeof stepUpAssertionSchema>;

/** Everything that an administrator's key signs to. */
export interface StepUpAct {
  readonly method: string;
  /** As it was requested. */
  readonly path: string;
  /** `stepUpBodyDigest` of the request's body. */
  readonly bodyDigest: string;
  /** SHA-256 of the administrator's certificate, lower-case hex. */
  readonly administrator: string;
  readonly nonce: string;
  /** As the demand has it. */
  readonly expiresAt: string;
}

/** The WebAuthn challenge for one act: SHA-256 of its canonical JSON, 32 bytes. Both sides compute it. */
export const stepUpChallenge = ({ method, path, bodyDigest, administrator, nonce, expiresAt }: StepUpAct): Bytes =>
  sha256(
    utf8(canonicalJson({ purpose: 'muster-step-up-v1', method, path, bodyDigest, administrator, nonce, expiresAt })),
  );

/** SHA-256 of the canonical JSON of a body as it was parsed, lower-case hex; of no bytes where there is none. Throws RangeError on fractions. */
export const stepUpBodyDigest = (body: unknown): string =>
  sha256Hex(utf8(body === undefined ? '' : canonicalJson(asCanonical(body))));

/** The client data (WebAuthn Level 2 §5.8.1) in its one spelling: what a browser at the relying party's origin would make. */
export const stepUpClientData = (challenge: Bytes, relyingParty: string): string =>
  JSON.stringify({
    type: 'webauthn.get',
    challenge: toBase64Url(challenge),
    origin: stepUpOrigin(relyingParty),
    crossOrigin: false,
  });

/** The one origin that signatures are for. */
export const stepUpOrigin = (relyingParty: string): string => `https://${relyingParty}`;

function asCanonical(value: unknown): CanonicalValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (Array.isArray(value)) return value.map(asCanonical);
  if (typeof value !== 'object') throw new RangeError('not a JSON value');
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asCanonical(member)]));
}
