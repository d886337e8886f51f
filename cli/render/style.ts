/** Colours by meaning. Without colour each returns its text as it is. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly strong: (text: string) => string;
}

const sgr =
  (on: number, off: number, colour: boolean) =>
  (text: string): string =>
    colour ? `\x1b[${on}m${text}\x1b[${off}m` : text;

/** The style for a terminal that shows colours, or for everything else. */
export function makeStyle(colour: boolean): Style {
  return {
    good: sgr(32, 39, colour),
    bad: sgr(31, 39, colour),
    warn: sgr(33, 39, colour),
    faint: sgr(2, 22, colour),
    strong: sgr(1, 22, colour),
  };
}
