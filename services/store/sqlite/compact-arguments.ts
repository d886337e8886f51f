/** How far down an operation's arguments bytes may stand: a list, a record in it, its member. */
const DEPTH = 3;

/**
 * `args` with every byte string in a buffer of its own: structured cloning takes the whole buffer along, and a Buffer's may be a pool of
 * 64 KiB.
 */
export function compactArguments<A extends readonly unknown[]>(args: A): A {
  return compacted(args, DEPTH);
}

function compacted<T>(value: T, depth: number): T;
function compacted(value: unknown, depth: number): unknown {
  if (value instanceof Uint8Array) return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(value);
  if (typeof value !== 'object' || value === null || depth === 0) return value;
  if (Array.isArray(value)) return value.map((item) => compacted(item, depth - 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, compacted(member, depth - 1)]));
}
