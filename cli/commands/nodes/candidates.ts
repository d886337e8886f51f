import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { type CandidateList, candidateListSchema, type CandidateSummary } from '#protocol/candidates.ts';

import type { AdminClient } from '../../client.ts';
import { safeText } from '../../render/safe-text.ts';

export const listCandidates = (client: AdminClient): Promise<CandidateList> =>
  client.get('/v1/candidates', {}, candidateListSchema);

/** A candidate, and whether it was found by the name it claims: whoever types that name confirms it. */
export interface FoundCandidate {
  readonly candidate: CandidateSummary;
  readonly byName: boolean;
}

/** Characters of an id that tell one candidate from the others. */
const ID_PREFIX = 8;

/** The one machine that `which` means: an id, the beginning of one, or the name that it claims or has. Throws CommandFailure for none, or several. */
export function findCandidate(candidates: readonly CandidateSummary[], which: string): FoundCandidate {
  const byId = candidates.filter(({ id }) => id === which || (which.length >= ID_PREFIX && id.startsWith(which)));
  const byName = candidates.filter(({ nodeName, proof }) => (nodeName ?? proof.claimedNodeName) === which);
  const found = byId.length > 0 ? byId : byName;
  const [candidate, ...others] = found;
  if (candidate === undefined) {
    throw new CommandFailure(
      EXIT.negative,
      `no machine waits under ${safeText(which)}`,
      '`muster nodes pending` lists those that do.',
    );
  }
  if (others.length > 0) {
    const ids = found.map(({ id }) => id).join(', ');
    throw new CommandFailure(
      EXIT.usage,
      `${found.length} machines wait under ${safeText(which)}: ${ids}`,
      'Name one by its id.',
    );
  }
  return { candidate, byName: byId.length === 0 };
}
