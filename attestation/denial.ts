import type { Denial } from './result.ts';

/** Tells the refusal from the facts in what a `verify…` function returns. */
export const isDenial = (outcome: object): outcome is Denial => 'code' in outcome;
