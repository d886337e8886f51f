import type { PcrBank } from '#protocol/challenge.ts';
import type { ReferenceValuesDocument } from '#protocol/policy.ts';

/** One known-good state of a machine: a value for every PCR that it covers. */
export interface ReferenceValues {
  readonly name: string;
  readonly bank: PcrBank;
  /** By index, lower-case hex. */
  readonly pcrs: ReadonlyMap<number, string>;
}

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
  | { readonly kind: 'no-reference-values' };

/** The document's values, by number. Which PCRs a set must cover is for `compilePolicy` to check. */
export function referenceValuesFrom(document: ReferenceValuesDocument): ReferenceValues {
  const pcrs = Object.entries(document.pcrs).map(([index, value]): [number, string] => [Number(index), value]);
  return { name: document.name, bank: document.bank, pcrs: new Map(pcrs.toSorted(([a], [b]) => a - b)) };
}

/**
 * A set matches when every PCR, quoted or in the set, has the same value in both: never some PCRs from one set and some from another,
 * for a machine half of one release and half of another is neither. Without sets nothing matches, nor does a set without values.
 */
export function matchReferenceValues(
  pcrs: ReadonlyMap<number, string>,
  sets: readonly ReferenceValues[],
): ReferenceMatch {
  let nearest: { readonly name: string; readonly mismatches: readonly PcrMismatch[] } | undefined;
  for (const set of sets) {
    if (set.pcrs.size === 0) continue;
    const mismatches = findMismatches(pcrs, set.pcrs);
    if (mismatches.length === 0) return { kind: 'match', name: set.name };
    if (nearest === undefined || mismatches.length < nearest.mismatches.length)
      nearest = { name: set.name, mismatches };
  }
  if (nearest === undefined) return { kind: 'no-reference-values' };
  return { kind: 'mismatch', nearest: nearest.name, mismatches: nearest.mismatches };
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
