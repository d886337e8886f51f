import type { Certificate } from './certificate.ts';
import type { GeneralName } from './general-name.ts';
import type { NameConstraints } from './name-constraints-value.ts';
import { attributeValues, relativeNameKeys } from './name-compare.ts';
import { ATTRIBUTE } from './oids.ts';
import { addressMatches, dnsMatches, mailboxMatches, type Match, uriMatches } from './subtree-match.ts';

export type NameConstraintDenialCode =
  /** A name lies outside every permitted subtree of its form, or inside an excluded one. */
  | 'name-not-permitted'
  | 'name-excluded'
  /** A name or a constraint has a form or a syntax that is not compared here. */
  | 'name-constraint-unsupported'
  /** More comparisons than the limit allows. */
  | 'name-constraints-too-many';

/** How many name-to-subtree comparisons may still be made. */
export interface ComparisonBudget {
  left: number;
}

/** For one decision, all its paths together. */
export const comparisonBudget = (): ComparisonBudget => ({ left: 50_000 });

/** A GeneralName made ready for comparing: directory names by the keys of their relative names. */
type Comparable =
  | Exclude<GeneralName, { kind: 'directoryName' }>
  | { readonly kind: 'directoryName'; readonly keys: readonly string[] };

/** What the constraints are about in a certificate. */
type NamedCertificate = Pick<Certificate, 'subject' | 'extensions'>;

interface Subtrees {
  readonly permitted: readonly Comparable[];
  readonly excluded: readonly Comparable[];
}

/**
 * The name constraints gathered along one path (RFC 5280 §6.1.2 (b), (c); §6.1.4 (g)). Permitted subtrees are kept by the certificate that
 * imposed them: a name must lie within one of each set that has its form.
 */
export class NameConstraintState {
  readonly #imposed: Subtrees[] = [];
  readonly #budget: ComparisonBudget;

  constructor(budget: ComparisonBudget) {
    this.#budget = budget;
  }

  /** Adds the constraints of a certificate: those that follow it must satisfy them too. */
  impose(constraints: NameConstraints): void {
    const { permitted, excluded } = constraints;
    this.#imposed.push({ permitted: permitted.map(comparable), excluded: excluded.map(comparable) });
  }

  /** Why the names of `certificate` violate the constraints imposed so far (RFC 5280 §6.1.3 (b), (c)); undefined when they do not. */
  check(certificate: NamedCertificate): NameConstraintDenialCode | undefined {
    if (this.#imposed.length === 0) return undefined;
    for (const name of constrainedNames(certificate)) {
      for (const subtrees of this.#imposed) {
        const denial = this.#checkName(comparable(name), subtrees);
        if (denial !== undefined) return denial;
      }
    }
    return undefined;
  }

  #checkName(name: Comparable, { permitted, excluded }: Subtrees): NameConstraintDenialCode | undefined {
    const byExclusion = this.#match(name, excluded);
    if (byExclusion === 'inside') return 'name-excluded';
    const byPermission = this.#match(name, permitted);
    if (byPermission === 'outside') return 'name-not-permitted';
    if (this.#budget.left < 0) return 'name-constraints-too-many';
    const isUnsupported = byExclusion === 'unsupported' || byPermission === 'unsupported';
    return isUnsupported ? 'name-constraint-unsupported' : undefined;
  }

  /** How `name` stands to those of `bases` that have its form, the best for it counting; undefined when none has. */
  #match(name: Comparable, bases: readonly Comparable[]): Match | undefined {
    let verdict: Match | undefined;
    for (const base of bases) {
      if (base.kind !== name.kind) continue;
      this.#budget.left -= 1;
      if (this.#budget.left < 0) return 'unsupported';
      const match = matchSubtree(name, base);
      if (match === 'inside') return match;
      if (verdict !== 'unsupported') verdict = match;
    }
    return verdict;
  }
}

/**
 * The names that constraints apply to: the subject where it is not empty, every alternative name, and the subject's e-mail addresses
 * (RFC 5280 §4.2.1.10 asks for those where there is no alternative name; here they count always).
 */
function* constrainedNames(certificate: NamedCertificate): Iterable<GeneralName> {
  const { subject, extensions } = certificate;
  if (subject.rdns.length > 0) yield { kind: 'directoryName', name: subject };
  yield* extensions.subjectAltName ?? [];
  // An address that is not text has no mailbox syntax, so that an e-mail constraint refuses it.
  for (const text of attributeValues(subject, ATTRIBUTE.emailAddress)) yield { kind: 'rfc822Name', text: text ?? '' };
}

const comparable = (name: GeneralName): Comparable =>
  name.kind === 'directoryName' ? { kind: name.kind, keys: relativeNameKeys(name.name) } : name;

function matchSubtree(name: Comparable, base: Comparable): Match {
  if (name.kind === 'directoryName' && base.kind === name.kind) {
    return base.keys.every((key, i) => name.keys[i] === key) ? 'inside' : 'outside';
  }
  if (name.kind === 'dNSName' && base.kind === name.kind) return dnsMatches(name.text, base.text);
  if (name.kind === 'rfc822Name' && base.kind === name.kind) return mailboxMatches(name.text, base.text);
  if (name.kind === 'uniformResourceIdentifier' && base.kind === name.kind) return uriMatches(name.text, base.text);
  if (name.kind === 'iPAddress' && base.kind === name.kind) return addressMatches(name.address, base.address);
  // otherName, x400Address, ediPartyName and registeredID: RFC 5280 gives no rule that is implemented here.
  return 'unsupported';
}
