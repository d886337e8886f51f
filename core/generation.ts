import type { CertificateFingerprint } from './ids.ts';

/**
 * Which certificates a node without a TPM was given last. Its key can be copied; what the copies cannot both have is the newest certificate
 * (docs/decisions/0020-join-tokens.md).
 */
export interface Generations {
  /** Of its last accepted join; undefined before there was one. */
  readonly newest: CertificateFingerprint | undefined;
  /** What the node showed in that join. */
  readonly previous: CertificateFingerprint | undefined;
  /** True once the newest was shown to the service: from then on, nobody can honestly have an older one. */
  readonly newestUsed: boolean;
}

/**
 * Where a shown certificate stands. `newest`: its holder got the last answer. `answer-lost`: it is the one before, and nobody has shown the
 * newest yet, as when an answer does not arrive. `conflict`: there are two holders of one key.
 */
export type GenerationStanding = 'newest' | 'answer-lost' | 'conflict';

/** Before the first join. */
export const NO_GENERATION: Generations = { newest: undefined, previous: undefined, newestUsed: false };

/** The standing of `shown`, the certificate that a node says it holds; undefined for one that holds none. */
export function generationStanding(
  { newest, previous, newestUsed }: Generations,
  shown: CertificateFingerprint | undefined,
): GenerationStanding {
  if (shown === newest) return 'newest';
  return shown === previous && !newestUsed ? 'answer-lost' : 'conflict';
}
