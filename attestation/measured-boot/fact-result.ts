import type { Denial, DenialCode } from '../result.ts';

/** One demand of a policy, beside what the evidence shows: a line of `muster policy explain`. */
export interface FactResult {
  /** What it is about, for example `secure-boot`. */
  readonly fact: string;
  readonly wanted: string;
  readonly found: string;
  readonly ok: boolean;
  /** Of the denial, where it is not. */
  readonly code: DenialCode;
  readonly pcr: number | undefined;
}

/** A fact that the demand is about, which PCR shows it, and the code of its denial. */
export interface FactName {
  readonly fact: string;
  readonly code: DenialCode;
  readonly pcr?: number;
}

export interface FactOutcome {
  readonly wanted: string;
  readonly found: string;
  readonly ok: boolean;
}

/** The result of a demand that could be looked at. */
export const factResult = ({ fact, code, pcr }: FactName, { wanted, found, ok }: FactOutcome): FactResult => ({
  fact,
  wanted: shorten(wanted),
  found: shorten(found),
  ok,
  code,
  pcr,
});

/** The result of a demand whose PCRs the quote or the log does not prove: it fails, whatever was measured. */
export const notVerified = ({ fact, pcr }: FactName, wanted: string): FactResult => ({
  fact,
  wanted: shorten(wanted),
  found: 'not proven: a PCR that would show it is not among the verified ones',
  ok: false,
  code: 'boot-fact-not-verified',
  pcr,
});

/** The denials for every demand that is not met. */
export function denialsOf(results: readonly FactResult[]): readonly Denial[] {
  return results
    .filter(({ ok }) => !ok)
    .map(({ fact, wanted, found, code, pcr }) => ({ code, pcr, expected: wanted, found, detail: fact }));
}

const MAX_ITEMS = 8;
const MAX_TEXT = 1_024;

/** A list for people: its first items, and how many more there are. */
export function listed(items: readonly string[]): string {
  if (items.length === 0) return 'none';
  const more = items.length > MAX_ITEMS ? ` and ${items.length - MAX_ITEMS} more` : '';
  return `${items.slice(0, MAX_ITEMS).join(', ')}${more}`;
}

const shorten = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
