import { DependencyError } from '#core/dependency-error.ts';
import type { ManagedSigner } from '#pki/signer.ts';

/** What is known of whether the issuing key can be used. */
export interface SignerGate {
  /**
   * Resolves unless the key is known to be away: nobody is asked where nothing went wrong before. Where something did, the key is looked at
   * again, at most once a second for however many callers, and the caller waits for that. Rejects with a DependencyError.
   */
  assertUsable(): Promise<void>;
  /** Looks at the key, for `assertUsable` to know. Never rejects. */
  look(): Promise<void>;
  /** A signature failed so: what is known of the key is out of date. A fault that is not the signer's changes nothing. */
  failed(fault: unknown): void;
}

/** Between two looks at a key that is away. */
const LOOK_EVERY_MS = 1_000;

export function signerGate({
  signer,
  elapsedMs,
}: {
  readonly signer: Pick<ManagedSigner, 'probe'>;
  readonly elapsedMs: () => number;
}): SignerGate {
  let away: DependencyError | undefined;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  const look = (): Promise<void> => {
    looking ??= signer
      .probe()
      .then(
        () => {
          away = undefined;
        },
        (cause: unknown) => {
          away = new DependencyError('signer', 'the issuing key is away', { cause });
        },
      )
      .finally(() => {
        lookedMs = elapsedMs();
        looking = undefined;
      });
    return looking;
  };

  return {
    look,
    assertUsable: async () => {
      if (away === undefined) return;
      if (looking !== undefined || elapsedMs() - lookedMs >= LOOK_EVERY_MS) await look();
      if (away !== undefined) throw away;
    },
    failed: (fault) => {
      if (!(fault instanceof DependencyError) || fault.dependency !== 'signer') return;
      away = fault;
      lookedMs = elapsedMs();
    },
  };
}
