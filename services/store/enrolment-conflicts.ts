import type { EkFingerprint, NodeName } from '#core/ids.ts';

import type { Enrolment, EnrolmentConflict } from './store.ts';

/** Answers from what is recorded: is the name, or the EK, one that a node has who is not retired? */
export interface EnrolledNodes {
  hasName(name: NodeName): Promise<boolean>;
  hasEk(ek: EkFingerprint): Promise<boolean>;
}

/** Every line that cannot stand beside what is recorded or beside an earlier line, in order of index; both conflicts where both hold. */
export async function findEnrolmentConflicts(
  enrolments: readonly Enrolment[],
  enrolled: EnrolledNodes,
): Promise<readonly EnrolmentConflict[]> {
  const names = new Set<NodeName>();
  const eks = new Set<EkFingerprint>();
  const conflicts: EnrolmentConflict[] = [];
  for (const [index, { name, ekFingerprint }] of enrolments.entries()) {
    if (names.has(name) || (await enrolled.hasName(name))) conflicts.push({ index, conflict: 'name-taken' });
    if (eks.has(ekFingerprint) || (await enrolled.hasEk(ekFingerprint)))
      conflicts.push({ index, conflict: 'ek-taken' });
    names.add(name);
    eks.add(ekFingerprint);
  }
  return conflicts;
}
