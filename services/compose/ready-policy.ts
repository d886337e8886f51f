import { type JoinPolicy, joinPolicy } from '#services/join/join-policy.ts';

import type { PolicySource } from '#services/policy-source.ts';

/** The policy in force with its segments ready; they are made ready once for each policy. */
export function joinPolicyOf(source: PolicySource): () => JoinPolicy {
  let ready = joinPolicy(source.status().policy);
  return () => {
    const { policy } = source.status();
    if (policy !== ready.policy) ready = joinPolicy(policy);
    return ready;
  };
}
