import { verify } from 'node:crypto';

import { z } from 'zod';

import { type Bytes, concatBytes, equalBytes, toBase64Url, utf8 } from '#core/bytes.ts';
import { sha256 } from '#core/digest.ts';
import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';
import { stepUpOrigin } from '#protocol/step-up.ts';

import type { SecurityKey } from './security-key.ts';

/** An assertion as it came. */
export interface Assertion {
  readonly authenticatorData: Bytes;
  /** The client data's JSON. */
  readonly clientData: Bytes;
  readonly signature: Bytes;
}

export interface ExpectedAssertion {
  /** 32 bytes. */
  readonly challenge: Bytes;
  /** The relying party id. */
  readonly relyingParty: string;
  readonly key: SecurityKey;
}

/** Why an assertion counts for nothing, for the audit log. */
export type AssertionFault =
  | 'signature'
  | 'client-data'
  | 'type'
  | 'challenge'
  | 'origin'
  | 'cross-origin'
  | 'authenticator-data'
  | 'relying-party'
  | 'not-present'
  | 'not-verified';

export type VerifiedAssertion =
  | { readonly ok: true; readonly counter: number }
  | { readonly ok: false; readonly fault: AssertionFault };

/** The hash of the relying party id, the flags and the counter (WebAuthn Level 2 §6.1). */
const AUTHENTICATOR_DATA_BYTES = 37;
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
/** Backup eligibility and state may be set; attested credential data and extensions may not: nothing may follow the counter. */
const MORE_FOLLOWS = 0x40 | 0x80;

const clientDataSchema = z.strictObject({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
});

/**
 * Establishes that the key itself signed this challenge for this relying party's origin, touched by a person whom it has verified (WebAuthn
 * Level 2 §7.2, without extensions and token binding). Does not establish that it is the first time, nor that the counter goes forwards: both
 * are the store's.
 */
export function verifyAssertion(assertion: Assertion, expected: ExpectedAssertion): VerifiedAssertion {
  const { authenticatorData, clientData, signature } = assertion;
  const signed = concatBytes(authenticatorData, sha256(clientData));
  if (!isSignedBy(expected.key, signed, signature)) return refuse('signature');
  const told = readClientData(clientData);
  if (told === undefined) return refuse('client-data');
  if (told.type !== 'webauthn.get') return refuse('type');
  if (told.challenge !== toBase64Url(expected.challenge)) return refuse('challenge');
  if (told.origin !== stepUpOrigin(expected.relyingParty)) return refuse('origin');
  if (told.crossOrigin === true) return refuse('cross-origin');
  return readAuthenticatorData(authenticatorData, expected.relyingParty);
}

function readAuthenticatorData(data: Bytes, relyingParty: string): VerifiedAssertion {
  if (data.byteLength !== AUTHENTICATOR_DATA_BYTES) return refuse('authenticator-data');
  const flags = data[32] ?? 0;
  if ((flags & MORE_FOLLOWS) !== 0) return refuse('authenticator-data');
  if (!equalBytes(data.subarray(0, 32), sha256(utf8(relyingParty)))) return refuse('relying-party');
  if ((flags & USER_PRESENT) === 0) return refuse('not-present');
  if ((flags & USER_VERIFIED) === 0) return refuse('not-verified');
  return { ok: true, counter: Buffer.from(data).readUInt32BE(33) };
}

/** ES256: ECDSA with SHA-256, DER. EdDSA: Ed25519. The algorithm is the registered key's, and nothing in the assertion can say another. */
const isSignedBy = ({ publicKey }: SecurityKey, signed: Bytes, signature: Bytes): boolean =>
  verify(publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, publicKey, signature);

function readClientData(bytes: Bytes): z.output<typeof clientDataSchema> | undefined {
  try {
    return clientDataSchema.safeParse(parseStrictJson(bytes)).data;
  } catch (error) {
    if (error instanceof JsonFormatError) return undefined;
    throw error;
  }
}

const refuse = (fault: AssertionFault): VerifiedAssertion => ({ ok: false, fault });
