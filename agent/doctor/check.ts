/** What one look at the machine found. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found, one sentence without a full stop. */
  readonly finding: string;
  /** What to do about it, one sentence without a full stop. Empty when nothing is to be done. */
  readonly advice: string;
}

/** Nothing to do. */
export const ok = (name: string, finding: string): Check => ({ name, status: 'ok', finding, advice: '' });

/** A join may succeed all the same. */
export const warn = (name: string, finding: string, advice: string): Check => ({
  name,
  status: 'warn',
  finding,
  advice,
});

/** A join cannot succeed. */
export const fail = (name: string, finding: string, advice: string): Check => ({
  name,
  status: 'fail',
  finding,
  advice,
});
