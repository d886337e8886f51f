/** Marks the arm of a switch that the compiler has proved empty. Throws if data from outside reaches it all the same. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
