/** Where a value stands in JSON: names of members and places in arrays, from the outside in. */
export type JsonPath = readonly (string | number)[];

/** The places of everything in `value` that is neither an array nor an object. */
export function leavesOf(value: unknown, at: JsonPath = []): readonly JsonPath[] {
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([key, member]) =>
    leavesOf(member, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}

/** What stands at `path`; undefined where nothing does. */
export function valueAt(value: unknown, [first, ...rest]: JsonPath): unknown {
  if (first === undefined) return value;
  return valueAt(typeof value === 'object' && value !== null ? Reflect.get(value, first) : undefined, rest);
}

/** A copy of `value` with `leaf` at `path`. */
export function withValue(value: unknown, [first, ...rest]: JsonPath, leaf: unknown): unknown {
  if (first === undefined || typeof value !== 'object' || value === null) return leaf;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  Reflect.set(copy, first, withValue(Reflect.get(copy, first), rest, leaf));
  return copy;
}
