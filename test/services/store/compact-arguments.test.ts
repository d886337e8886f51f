import { describe, expect, test } from 'vitest';

import { compactArguments } from '#services/store/sqlite/compact-arguments.ts';

/** Three bytes of a larger buffer. */
const view = (): Uint8Array => new Uint8Array(64).fill(7).subarray(5, 8);

describe('arguments on their way to another thread', () => {
  test.each([
    ['an argument', (bytes: Uint8Array) => bytes],
    ['an argument’s member', (bytes: Uint8Array) => ({ der: bytes })],
    ['a member of a record in a list', (bytes: Uint8Array) => [{ ekCertificate: bytes }]],
  ])('take only the bytes along that %s shows', (_, place) => {
    const bytes = view();
    const [sent] = compactArguments([place(bytes)]);
    expect(sent).toEqual(place(bytes));
    const { byteLength } = structuredClone(firstBytes(sent)).buffer;
    expect(byteLength).toBe(3);
  });

  test('are otherwise what they were', () => {
    const at = new Date(0);
    const args = [at, 'text', 7, undefined, null, { at, list: [1, { deep: 2n }] }] as const;
    expect(compactArguments(args)).toEqual(args);
    expect(compactArguments(args)[0]).toBe(at);
  });
});

function firstBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const [first] = Object.values(value ?? {});
  return firstBytes(first);
}
