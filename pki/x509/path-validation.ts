import { certificateDenial, issuerDenial, leafDenial, validityDenial } from './certificate-checks.ts';
import type { Certificate } from './certificate.ts';
import type { ChainDenial, ChainDenialCode } from './chain-denial.ts';
import type { ChainPolicy } from './chain-policy.ts';
import { sameName } from './name-compare.ts';
import { type ComparisonBudget, NameConstraintState } from './name-constraints.ts';
import { PolicyGraph } from './policy-graph.ts';
import { type Purpose, purposeAllowed } from './purpose.ts';

/** Policies that a path is valid under, in the anchor's terms: `any` when all its certificates say so, none when one of them states none. */
export type PathPolicies = 'any' | ReadonlySet<string>;

export type PathVerdict =
  | { readonly ok: true; readonly policies: PathPolicies }
  | { readonly ok: false; readonly denial: ChainDenial };

export interface PathRules {
  readonly now: Date;
  readonly purpose: Purpose;
  readonly policy: ChainPolicy;
  readonly comparisons: ComparisonBudget;
}

/**
 * RFC 5280 §6.1 over `path` (leaf first, anchor last, at least two), whose signatures and name chaining the caller has established.
 * On return with ok, every certificate but the anchor, and the anchor as far as `policy.anchor` says, is valid at `now`, has no critical
 * extension that nobody processes, and satisfies the basic constraints, key usage, extended key usage, name constraints and policy constraints of
 * those above it; and the leaf serves `purpose`. Revocation is not looked at.
 */
export function validatePath(path: readonly Certificate[], rules: PathRules): PathVerdict {
  const denial = path.map((_, depth) => standingDenial(path, depth, rules)).find((found) => found !== undefined);
  if (denial !== undefined) return { ok: false, denial };
  return walkDown(path, rules);
}

/** What is wrong with the certificate at `depth` whatever stands above it. */
function standingDenial(
  path: readonly Certificate[],
  depth: number,
  { now, purpose, policy }: PathRules,
): ChainDenial | undefined {
  const certificate = path[depth];
  if (certificate === undefined) return undefined;
  const isAnchor = depth === path.length - 1;
  const outOfDate = isAnchor && !policy.anchor.validity ? undefined : validityDenial(certificate, now);
  if (outOfDate !== undefined) return { code: outOfDate, depth };
  if (isAnchor && !policy.anchor.constraints) return undefined;
  const own = certificateDenial(certificate, depth, policy);
  if (own !== undefined) return own;
  const issuer = isAnchor ? certificate : path[depth + 1];
  if (policy.profile === 'rfc5280' && keyIdentifiersDiffer(certificate, issuer, isAnchor)) {
    return { code: 'authority-key-mismatch', depth };
  }
  const code = depth === 0 ? leafDenial(certificate, purpose) : asIssuerDenial(certificate, purpose);
  return code === undefined ? undefined : { code, depth };
}

function asIssuerDenial(certificate: Certificate, purpose: Purpose): ChainDenialCode | undefined {
  const code = issuerDenial(certificate);
  if (code !== undefined) return code;
  const stated = certificate.extensions.extendedKeyUsage;
  return purposeAllowed(stated, purpose.keyPurpose, purpose.issuers) ? undefined : 'extended-key-usage-refused';
}

/** RFC 5280 §4.2.1.1: the authority's identifier is the issuer's own. An anchor is compared with itself, where it names itself as issuer. */
function keyIdentifiersDiffer(certificate: Certificate, issuer: Certificate | undefined, isAnchor: boolean): boolean {
  if (isAnchor && !sameName(certificate.issuer, certificate.subject)) return false;
  const authority = certificate.extensions.authorityKeyIdentifier?.keyIdentifier;
  const own = issuer?.extensions.subjectKeyIdentifier;
  return authority !== undefined && own !== undefined && Buffer.compare(authority, own) !== 0;
}

/** What flows down from the anchor (RFC 5280 §6.1.2 to §6.1.5). */
function walkDown(path: readonly Certificate[], { policy, comparisons }: PathRules): PathVerdict {
  const length = path.length - 1;
  const names = new NameConstraintState(comparisons);
  const graph = new PolicyGraph(policy.policies, length);
  let maxPathLength = length;
  for (let depth = length; depth >= 0; depth -= 1) {
    const certificate = path[depth];
    if (certificate === undefined) continue;
    const isAnchor = depth === length;
    if (isAnchor && !policy.anchor.constraints) continue;
    const { extensions } = certificate;
    const isSelfIssued = sameName(certificate.issuer, certificate.subject);
    if (!isAnchor && !(isSelfIssued && depth > 0)) {
      const code = names.check(certificate);
      if (code !== undefined) return denied(code, depth);
    }
    // An anchor without policies leaves them open; one that states some restricts the path to them (RFC 5937 §3.2).
    if (!isAnchor || extensions.certificatePolicies !== undefined) {
      if (!graph.process(certificate, isSelfIssued || isAnchor, depth === 0)) return denied('policy-refused', depth);
    }
    if (depth === 0) break;
    if (!graph.prepareNext(certificate, isSelfIssued || isAnchor)) return denied('policy-mapping-invalid', depth);
    if (extensions.nameConstraints !== undefined) names.impose(extensions.nameConstraints);
    if (!isAnchor && !isSelfIssued) {
      if (maxPathLength === 0) return denied('path-length-exceeded', depth);
      maxPathLength -= 1;
    }
    maxPathLength = Math.min(maxPathLength, extensions.basicConstraints?.pathLength ?? Infinity);
  }
  const [leaf] = path;
  const policies = leaf === undefined ? undefined : graph.wrapUp(leaf);
  return policies === undefined ? denied('policy-refused', 0) : { ok: true, policies };
}

const denied = (code: ChainDenialCode, depth: number): PathVerdict => ({ ok: false, denial: { code, depth } });
