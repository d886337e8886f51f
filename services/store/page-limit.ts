/** The most that one call reads: a page larger than this is a mistake, or somebody's attempt to have memory set aside. */
export const PAGE_MAX = 10_000;

/** `limit` as it is. Throws RangeError unless it is a whole number from 1 to `PAGE_MAX`: to SQLite, a negative limit is none. */
export function pageLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_MAX) throw new RangeError(`limit is not 1 to ${PAGE_MAX}`);
  return limit;
}
