import { generationStanding } from '#core/generation.ts';
import type { NodeRecord } from '#core/node-record.ts';

import type { Denial, VerifiedClaims } from '../result.ts';

/**
 * The reason why a node without a TPM must be frozen: verified claims of its key show a certificate that its one holder cannot have. Undefined
 * where they do not, for a TPM's claims, and where there is no such node.
 */
export function generationDenial(claims: VerifiedClaims, node: NodeRecord | undefined): Denial | undefined {
  if (claims.kind !== 'signed-measurements' || node?.measurementKey === undefined) return undefined;
  const { generations } = node.measurementKey;
  if (generationStanding(generations, claims.generation) !== 'conflict') return undefined;
  return {
    code: 'generation-conflict',
    expected: generations.newest ?? 'none',
    found: claims.generation ?? 'none',
    detail: 'the key has two holders: the certificate shown is not the one that was given last',
  };
}
