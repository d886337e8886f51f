import { equalBytes, type Bytes } from '#core/bytes.ts';
import { DependencyError } from '#core/dependency-error.ts';
import { sha256 } from '#core/digest.ts';

import { openPkcs11Session, type Pkcs11Place, type Pkcs11Session } from './pkcs11/session.ts';
import type { ManagedSigner } from './signer.ts';
import { sequence, unsignedInteger } from './x509/der-writer.ts';

export interface Pkcs11SignerOptions extends Pkcs11Place {
  /** CKA_LABEL of the key pair. */
  readonly keyLabel: string;
  /** DER SubjectPublicKeyInfo of the issuing CA's certificate: what the key must turn out to be. */
  readonly spki: Bytes;
}

/** r and s, each as wide as the curve's field (PKCS #11 §6.3.1). */
const P256_FIELD_BYTES = 32;

/**
 * A P-256 key in a PKCS #11 token: an HSM, a smart card, SoftHSM. The token is opened at the first use, and anew after a failure: one that
 * was pulled and put back works again. The private key must be sensitive and not extractable, and be `options.spki`'s. Signatures go one
 * after the other, away from the calling thread.
 */
export function pkcs11Signer(options: Pkcs11SignerOptions): ManagedSigner {
  let session: Promise<Pkcs11Session> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const open = (): Promise<Pkcs11Session> => {
    session ??= openPkcs11Session(options, options.keyLabel).then((opened) => {
      if (equalBytes(opened.spki, options.spki)) return opened;
      opened.close();
      throw new Error(`the key ${options.keyLabel} is not the issuing CA certificate’s`);
    });
    return session;
  };

  const forget = async (): Promise<void> => {
    const opened = await session?.catch(() => undefined);
    session = undefined;
    opened?.close();
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work).catch(async (cause: unknown) => {
      await forget();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DependencyError('signer', `the token does not sign: ${why}`, { cause });
    });
    last = done.catch(() => undefined);
    return done;
  };

  return Object.freeze({
    spki: options.spki,
    sign: (tbs: Bytes) => inTurn(async () => derSignature(await (await open()).sign(sha256(tbs)))),
    probe: () =>
      inTurn(async () => {
        await (await open()).assertPresent();
      }),
    [Symbol.asyncDispose]: async () => {
      await last;
      await forget();
    },
  });
}

function derSignature(raw: Bytes): Bytes {
  if (raw.byteLength !== 2 * P256_FIELD_BYTES) throw new Error(`a signature of ${raw.byteLength} bytes, not 64`);
  return sequence(unsignedInteger(raw.subarray(0, P256_FIELD_BYTES)), unsignedInteger(raw.subarray(P256_FIELD_BYTES)));
}
