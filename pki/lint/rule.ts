/** One demand on a structure. Rules are independent: each looks at the whole and says one thing. */
export interface Rule<Subject> {
  /** Kebab case, unique over all rules. */
  readonly name: string;
  /** Where the demand comes from: a clause, or `Muster profile`. */
  readonly clause: string;
  /** What is wrong, in a few words and without secrets; undefined when nothing is, or when the rule does not apply. */
  readonly check: (subject: Subject) => string | undefined;
}

/** A rule that a structure breaks. Every finding is an error: what has one is not signed. */
export interface Finding {
  readonly rule: string;
  readonly clause: string;
  readonly detail: string;
}

/** Every finding of `rules` on `subject`, in the order of the rules. */
export function findingsOf<Subject>(rules: readonly Rule<Subject>[], subject: Subject): Finding[] {
  const findings: Finding[] = [];
  for (const { name, clause, check } of rules) {
    const detail = check(subject);
    if (detail !== undefined) findings.push({ rule: name, clause, detail });
  }
  return findings;
}

/** `detail` when `isBroken`, else undefined. */
export const broken = (isBroken: boolean, detail: string): string | undefined => (isBroken ? detail : undefined);
