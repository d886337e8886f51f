import type { Certificate } from './certificate.ts';
import { ANY_POLICY, type PolicyMapping } from './policy-values.ts';

/** What the user of a path demands of its policies (RFC 5280 §6.1.1 (c), (e), (f), (g)). */
export interface PolicyDemand {
  /** `any`, or the policies that are good enough. */
  readonly acceptable: 'any' | ReadonlySet<string>;
  readonly requireExplicitPolicy: boolean;
  readonly inhibitPolicyMapping: boolean;
  readonly inhibitAnyPolicy: boolean;
}

/** Any policy will do, and none is needed unless a certificate asks for one. */
export const NO_POLICY_DEMAND: PolicyDemand = {
  acceptable: 'any',
  requireExplicitPolicy: false,
  inhibitPolicyMapping: false,
  inhibitAnyPolicy: false,
};

interface PolicyNode {
  expected: ReadonlySet<string>;
  /** valid_policy of the parents, one level up. */
  readonly parents: readonly string[];
}

type Level = Map<string, PolicyNode>;

/**
 * Policy processing along one path, from the certificate that the anchor issued down to the last (RFC 5280 §6.1 as RFC 9618 rewrote it: a
 * graph with one node per policy and level, whose size stays in proportion to the certificates, where the tree grew exponentially).
 */
export class PolicyGraph {
  readonly #demand: PolicyDemand;
  readonly #levels: Level[] = [new Map([[ANY_POLICY, { expected: new Set([ANY_POLICY]), parents: [] }]])];
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAnyPolicy: number;

  /** `pathLength` is the number of certificates, the anchor not counted. */
  constructor(demand: PolicyDemand, pathLength: number) {
    this.#demand = demand;
    this.#explicitPolicy = demand.requireExplicitPolicy ? 0 : pathLength + 1;
    this.#policyMapping = demand.inhibitPolicyMapping ? 0 : pathLength + 1;
    this.#inhibitAnyPolicy = demand.inhibitAnyPolicy ? 0 : pathLength + 1;
  }

  /** RFC 5280 §6.1.3 (d) to (f) for the next certificate. False: an explicit policy is due and none is left. */
  process(certificate: Certificate, isSelfIssued: boolean, isLast: boolean): boolean {
    const above = this.#levels.at(-1) ?? new Map<string, PolicyNode>();
    const anyAllowed = this.#inhibitAnyPolicy > 0 || (isSelfIssued && !isLast);
    this.#levels.push(nextLevel(certificate, above, anyAllowed));
    return this.#explicitPolicy > 0 || this.#isAlive();
  }

  /** RFC 5280 §6.1.4 (a), (b), (h) to (j) for a certificate that is not the last. False: a mapping from or to anyPolicy. */
  prepareNext(certificate: Certificate, isSelfIssued: boolean): boolean {
    const { policyMappings, policyConstraints, inhibitAnyPolicy } = certificate.extensions;
    if (policyMappings?.some(mapsAnyPolicy) === true) return false;
    if (policyMappings !== undefined) this.#applyMappings(policyMappings);
    if (!isSelfIssued) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAnyPolicy = Math.max(0, this.#inhibitAnyPolicy - 1);
    }
    this.#explicitPolicy = Math.min(this.#explicitPolicy, policyConstraints?.requireExplicitPolicy ?? Infinity);
    this.#policyMapping = Math.min(this.#policyMapping, policyConstraints?.inhibitPolicyMapping ?? Infinity);
    this.#inhibitAnyPolicy = Math.min(this.#inhibitAnyPolicy, inhibitAnyPolicy ?? Infinity);
    return true;
  }

  /**
   * RFC 5280 §6.1.5 (a), (b), (g) after the last certificate: the policies, in the anchor's terms, that the path is valid under and the user
   * accepts; `any` when both leave it open. Undefined: an explicit policy is due and none is left.
   */
  wrapUp(last: Certificate): 'any' | ReadonlySet<string> | undefined {
    this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
    if (last.extensions.policyConstraints?.requireExplicitPolicy === 0) this.#explicitPolicy = 0;
    const constrained = this.#userConstrained();
    const isEmpty = constrained !== 'any' && constrained.size === 0;
    return isEmpty && this.#explicitPolicy === 0 ? undefined : constrained;
  }

  #isAlive(): boolean {
    return (this.#levels.at(-1)?.size ?? 0) > 0;
  }

  #applyMappings(mappings: readonly PolicyMapping[]): void {
    const level = this.#levels.at(-1);
    if (level === undefined) return;
    const bySource = Map.groupBy(mappings, (mapping) => mapping.issuerDomainPolicy);
    for (const [source, rows] of bySource) {
      const node = level.get(source);
      if (this.#policyMapping === 0) level.delete(source);
      else {
        const expected = new Set(rows.map((row) => row.subjectDomainPolicy));
        if (node !== undefined) node.expected = expected;
        else if (level.has(ANY_POLICY)) level.set(source, { expected, parents: [ANY_POLICY] });
      }
    }
  }

  /** The policies of the anchor's domain (children of anyPolicy) from which the last level can be reached, cut down to the acceptable ones. */
  #userConstrained(): 'any' | ReadonlySet<string> {
    const { acceptable } = this.#demand;
    const last = this.#levels.at(-1);
    const found = new Set<string>();
    if (last?.has(ANY_POLICY) === true) {
      if (acceptable === 'any') return 'any';
      for (const policy of acceptable) found.add(policy);
    }
    let reached = new Set(last?.keys() ?? []);
    for (const level of this.#levels.toReversed()) {
      const above = new Set<string>();
      for (const policy of reached) {
        const parents = level.get(policy)?.parents ?? [];
        if (policy !== ANY_POLICY && parents.includes(ANY_POLICY)) found.add(policy);
        for (const parent of parents) above.add(parent);
      }
      reached = above;
    }
    return acceptable === 'any' ? found : new Set([...found].filter((policy) => acceptable.has(policy)));
  }
}

const mapsAnyPolicy = (mapping: PolicyMapping): boolean =>
  mapping.issuerDomainPolicy === ANY_POLICY || mapping.subjectDomainPolicy === ANY_POLICY;

/** RFC 9618 §5.3: the nodes for the policies of `certificate`, given the level above. */
function nextLevel(certificate: Certificate, above: Level, anyAllowed: boolean): Level {
  const level: Level = new Map();
  const policies = certificate.extensions.certificatePolicies;
  if (policies === undefined || above.size === 0) return level;
  const parentsOf = expectedBy(above);
  for (const { policy } of policies) {
    if (policy === ANY_POLICY) continue;
    const parents = parentsOf.get(policy) ?? (above.has(ANY_POLICY) ? [ANY_POLICY] : undefined);
    if (parents !== undefined) level.set(policy, { expected: new Set([policy]), parents });
  }
  if (anyAllowed && policies.some(({ policy }) => policy === ANY_POLICY)) {
    for (const [policy, parents] of parentsOf) {
      if (!level.has(policy)) level.set(policy, { expected: new Set([policy]), parents });
    }
  }
  return level;
}

/** For each policy that some node of `level` expects: the nodes that do. */
function expectedBy(level: Level): ReadonlyMap<string, readonly string[]> {
  const parents = new Map<string, string[]>();
  for (const [policy, node] of level) {
    for (const expected of node.expected) {
      const list = parents.get(expected);
      if (list === undefined) parents.set(expected, [policy]);
      else list.push(policy);
    }
  }
  return parents;
}
