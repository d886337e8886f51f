import type { Bytes } from '#core/bytes.ts';

/** What a security key is to sign. */
export interface AssertionRequest {
  /** SHA-256 of the client data, 32 bytes. */
  readonly clientDataHash: Bytes;
  readonly relyingParty: string;
  /** Credential ids, base64url: any of them. */
  readonly credentials: readonly string[];
}

export interface SignedAssertion {
  /** Which of the credentials signed. */
  readonly credential: string;
  readonly authenticatorData: Bytes;
  readonly signature: Bytes;
}

/** A key that was made: its public half. */
export interface MadeCredential {
  /** Base64url. */
  readonly credentialId: string;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Bytes;
}

/** The person's security key. Both wait for their touch and their PIN, and throw CommandFailure when there is none. */
export interface SecurityKeyDevice {
  readonly assert: (request: AssertionRequest) => Promise<SignedAssertion>;
  readonly create: (request: { readonly relyingParty: string; readonly person: string }) => Promise<MadeCredential>;
}
