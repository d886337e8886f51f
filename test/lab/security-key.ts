import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

import { type Bytes, concatBytes, toBase64Url, utf8 } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { stepUpBodyDigest, stepUpChallenge, stepUpClientData, type StepUpDemand } from '#protocol/step-up.ts';

/** What one signature of the laboratory's authenticator says, where it is not what a good one says. */
export interface AssertionSpoiling {
  readonly relyingParty?: string;
  readonly flags?: number;
  readonly counter?: number;
  /** Bytes behind the counter, which are signed with the rest. */
  readonly trailing?: Bytes;
  /** The client data's text, made from the good one. */
  readonly clientData?: (good: string) => string;
  /** Changes the signature after it was made. */
  readonly signature?: (good: Bytes) => Bytes;
}

/** An authenticator in software: a key of its own, and a counter that goes forwards with each signature. */
export interface LabSecurityKey {
  readonly credentialId: string;
  /** SubjectPublicKeyInfo in DER, base64url, as the list of administrators has it. */
  readonly publicKey: string;
  readonly key: KeyObject;
  /** Touched by its owner, whom it has verified: signs the challenge. */
  readonly assert: (challenge: Bytes, relyingParty: string, spoiling?: AssertionSpoiling) => LabAssertion;
}

export interface LabAssertion {
  readonly authenticatorData: Bytes;
  readonly clientData: string;
  readonly signature: Bytes;
  readonly counter: number;
}

const PRESENT_AND_VERIFIED = 0x05;

export function labSecurityKey(kind: 'ES256' | 'EdDSA' | 'P-384' = 'ES256'): LabSecurityKey {
  const { privateKey, publicKey } =
    kind === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: kind === 'ES256' ? 'P-256' : 'P-384' });
  let counter = 0;
  return {
    credentialId: toBase64Url(systemRandom(32)),
    publicKey: toBase64Url(publicKey.export({ format: 'der', type: 'spki' })),
    key: publicKey,
    assert: (challenge, relyingParty, spoiling = {}) => {
      counter = spoiling.counter ?? counter + 1;
      const tail = Buffer.alloc(5);
      tail.writeUInt8(spoiling.flags ?? PRESENT_AND_VERIFIED);
      tail.writeUInt32BE(counter, 1);
      const authenticatorData = concatBytes(
        hash(utf8(spoiling.relyingParty ?? relyingParty)),
        tail,
        spoiling.trailing ?? new Uint8Array(),
      );
      const good = stepUpClientData(challenge, relyingParty);
      const clientData = spoiling.clientData?.(good) ?? good;
      const signed = concatBytes(authenticatorData, hash(utf8(clientData)));
      const signature: Bytes = sign(kind === 'EdDSA' ? null : 'sha256', signed, privateKey);
      return { authenticatorData, clientData, signature: spoiling.signature?.(signature) ?? signature, counter };
    },
  };
}

/** A request that an administrator signs. */
export interface SignedRequest {
  readonly method?: string;
  readonly path: string;
  readonly body?: object | undefined;
  /** SHA-256 of the administrator's certificate. */
  readonly administrator: string;
}

/** The header that answers a demand: the administrator's own client, with this key. */
export function labStepUpHeader(
  key: LabSecurityKey,
  demand: StepUpDemand,
  { method = 'POST', path, body, administrator }: SignedRequest,
  spoiling: AssertionSpoiling = {},
): string {
  const { nonce, expiresAt, ticket, relyingParty } = demand;
  const bodyDigest = stepUpBodyDigest(body);
  const challenge = stepUpChallenge({ method, path, bodyDigest, administrator, nonce, expiresAt });
  const { authenticatorData, clientData, signature } = key.assert(challenge, relyingParty, spoiling);
  return encodeStepUpHeader({
    ticket,
    credential: key.credentialId,
    authenticatorData: toBase64Url(authenticatorData),
    clientData: toBase64Url(utf8(clientData)),
    signature: toBase64Url(signature),
  });
}

export const encodeStepUpHeader = (assertion: object): string => toBase64Url(utf8(JSON.stringify(assertion)));

const hash = (bytes: Bytes): Bytes => createHash('sha256').update(bytes).digest();
