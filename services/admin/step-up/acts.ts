import { z } from 'zod';

/** Acts that a second factor can be asked for. */
export const STEP_UP_ACTS = [
  'nodes.change',
  'nodes.change-many',
  'nodes.enrol',
  'nodes.enrol-many',
  'nodes.approve',
  'certificates.revoke',
  'tokens.create',
  'reference-values.retire',
] as const;
export type StepUpActName = (typeof STEP_UP_ACTS)[number];

/** Those that it is asked for unless the configuration says otherwise. One node alone is changed, and enrolled, without: that has to be fast. */
export const DEFAULT_STEP_UP_ACTS: readonly StepUpActName[] = STEP_UP_ACTS.filter(
  (act) => act !== 'nodes.change' && act !== 'nodes.enrol',
);

/** A request as the routes of the administrators' API have checked it. */
export interface CheckedAct {
  readonly operationId: string;
  readonly body: unknown;
}

/** What there is in the bodies that name nodes; `nodes` is absent where a selector stands for it. */
const manySchema = z.object({ dryRun: z.boolean(), nodes: z.array(z.unknown()).optional() });

/** What the request is, among the acts above; none for what changes nothing, and for what is not among them. The first is what it is called. */
export function actsOf({ operationId, body }: CheckedAct): readonly StepUpActName[] {
  switch (operationId) {
    case 'changeNodes':
      return ofMany(body, 'nodes.change', 'nodes.change-many');
    case 'enrolNodes':
      return ofMany(body, 'nodes.enrol', 'nodes.enrol-many');
    case 'approveCandidate':
      return ['nodes.approve'];
    case 'revokeCertificate':
      return ['certificates.revoke'];
    case 'createToken':
      return ['tokens.create'];
    case 'retireReferenceValues':
      return ['reference-values.retire'];
    default:
      return [];
  }
}

function ofMany(body: unknown, one: StepUpActName, many: StepUpActName): readonly StepUpActName[] {
  // A body of another shape is a fault of this table: it throws, and nothing is done.
  const { dryRun, nodes } = manySchema.parse(body);
  if (dryRun) return [];
  return nodes?.length === 1 ? [one] : [many, one];
}
