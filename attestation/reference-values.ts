import type { PcrBank } from '#protocol/challenge.ts';
import type { ReferenceValuesDocument } from '#protocol/policy.ts';

/** One known-good state of a machine: a value for every PCR that it covers. */
export interface ReferenceValues {
  /** What the audit log calls it: the manifest's name, and `@version` where it has one. */
  readonly name: string;
  readonly bank: PcrBank;
  /** By index, lower-case hex. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** It admits nobody before this moment; undefined where the manifest sets no beginning. */
  readonly notBefore: Date | undefined;
  /** It admits nobody from this moment on; undefined where the manifest sets no end. */
  readonly expires: Date | undefined;
  /** An administrator took it back: it admits nobody, whatever the files say. */
  readonly retired: boolean;
}

/** Whether a set may admit at some moment. Only `valid` may. */
export type ReferenceStanding = 'valid' | 'not-yet-valid' | 'expired' | 'retired';

export interface PcrMismatch {
  readonly pcr: number;
  /** Undefined where the set has no value for a PCR that was quoted. */
  readonly expected: string | undefined;
  /** Undefined where a PCR that the set has was not quoted. */
  readonly found: string | undefined;
}

export type ReferenceMatch =
  | { readonly kind: 'match'; readonly name: string }
  /** The set with the fewest mismatches, and all of them: never none. */
  | { readonly kind: 'mismatch'; readonly nearest: string; readonly mismatches: readonly PcrMismatch[] }
  /** The set that would have matched, or came nearest, may not admit now; and none that may matched. */
  | { readonly kind: 'not-in-force'; readonly name: string; readonly standing: ReferenceStanding }
  | { readonly kind: 'no-reference-values' }
  /** The pool demands no PCR's raw value: what its nodes booted is judged by the event log's facts. */
  | { readonly kind: 'not-demanded' };

/** The document's values, by number. Its signature and which PCRs it must cover are for `compilePolicy` to check. */
export function referenceValuesFrom(document: ReferenceValuesDocument): ReferenceValues {
  const { name, version, bank, notBefore, expires } = document;
  const pcrs = Object.entries(document.pcrs).map(([index, value]): [number, string] => [Number(index), value]);
  return {
    name: version === undefined ? name : `${name}@${version}`,
    bank,
    pcrs: new Map(pcrs.toSorted(([a], [b]) => a - b)),
    notBefore: notBefore === undefined ? undefined : new Date(notBefore),
    expires: expires === undefined ? undefined : new Date(expires),
    retired: false,
  };
}

/** Whether `set` may admit at `now`: from `notBefore` on, and no longer at `expires`. */
export function standingOf({ retired, notBefore, expires }: ReferenceValues, now: Date): ReferenceStanding {
  if (retired) return 'retired';
  // Asked this way round, a date that is none admits nobody.
  if (notBefore !== undefined && !(now >= notBefore)) return 'not-yet-valid';
  if (expires !== undefined && !(now < expires)) return 'expired';
  return 'valid';
}

/** What a pool's reference values say of quoted PCRs: of those that must have known values, and of no others. */
export function matchPool(
  quoted: ReadonlyMap<number, string>,
  {
    referencePcrs,
    referenceValues,
  }: { readonly referencePcrs: readonly number[]; readonly referenceValues: readonly ReferenceValues[] },
  now: Date,
): ReferenceMatch {
  if (referencePcrs.length === 0) return { kind: 'not-demanded' };
  const pcrs = [...quoted].filter(([pcr]) => referencePcrs.includes(pcr));
  return matchReferenceValues(new Map(pcrs), referenceValues, now);
}

/**
 * A set matches when it may admit at `now` and every PCR, quoted or in the set, has the same value in both: never some PCRs from one set and
 * some from another, for a machine half of one release and half of another is neither. Without sets nothing matches, nor does a set without
 * values.
 */
export function matchReferenceValues(
  pcrs: ReadonlyMap<number, string>,
  sets: readonly ReferenceValues[],
  now: Date,
): ReferenceMatch {
  const compared = sets
    .filter((set) => set.pcrs.size > 0)
    .map((set) => ({ name: set.name, standing: standingOf(set, now), mismatches: findMismatches(pcrs, set.pcrs) }))
    // The nearest first; sets that are equally near stay in the policy's order.
    .toSorted((a, b) => a.mismatches.length - b.mismatches.length);
  const [nearest] = compared;
  if (nearest === undefined) return { kind: 'no-reference-values' };
  const valid = compared.find(({ standing }) => standing === 'valid');
  if (valid?.mismatches.length === 0) return { kind: 'match', name: valid.name };
  if (valid === undefined || nearest.mismatches.length === 0) {
    return { kind: 'not-in-force', name: nearest.name, standing: nearest.standing };
  }
  return { kind: 'mismatch', nearest: valid.name, mismatches: valid.mismatches };
}

function findMismatches(
  found: ReadonlyMap<number, string>,
  expected: ReadonlyMap<number, string>,
): readonly PcrMismatch[] {
  const indices = [...new Set([...found.keys(), ...expected.keys()])].toSorted((a, b) => a - b);
  return indices
    .map((pcr) => ({ pcr, expected: expected.get(pcr), found: found.get(pcr) }))
    .filter((mismatch) => mismatch.expected !== mismatch.found);
}
