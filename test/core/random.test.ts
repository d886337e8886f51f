import { describe, expect, test } from 'vitest';

import { pooledRandom, type RandomSource, systemRandom } from '#core/random.ts';

/** Counts from 0 up, modulo 256; and keeps what it gave. */
function countingGenerator(): { readonly source: RandomSource; readonly given: Uint8Array[] } {
  const given: Uint8Array[] = [];
  let next = 0;
  const source: RandomSource = (length) => {
    const bytes = Uint8Array.from({ length }, () => next++);
    given.push(bytes);
    return bytes;
  };
  return { source, given };
}

describe('pooledRandom', () => {
  test('gives the generator’s bytes out in order, each once', () => {
    const { source, given } = countingGenerator();
    const random = pooledRandom(source);
    const answers = [16, 0, 32, 1, 4_000].map((length) => random(length));
    expect(given.length).toBe(1);
    expect(Buffer.concat(answers)).toEqual(Buffer.from(Uint8Array.from({ length: 4_049 }, (_, index) => index)));
  });

  test('keeps nothing of what it gave out, and its answers are nobody else’s', () => {
    const { source, given } = countingGenerator();
    const random = pooledRandom(source);
    const answer = random(48);
    expect(given[0]?.subarray(0, 48)).toEqual(new Uint8Array(48));
    answer.fill(0xaa);
    expect(random(4)).toEqual(Uint8Array.of(48, 49, 50, 51));
  });

  test('draws anew when what is left is too little, and leaves long answers to the generator', () => {
    const { source, given } = countingGenerator();
    const random = pooledRandom(source);
    random(4_090);
    expect(random(7).byteLength).toBe(7);
    expect(given.length).toBe(2);
    expect(random(5_000)).toBe(given[2]);
  });

  test('differs each time over the system’s generator', () => {
    const random = pooledRandom(systemRandom);
    const seen = new Set(Array.from({ length: 1_000 }, () => Buffer.from(random(16)).toString('hex')));
    expect(seen.size).toBe(1_000);
  });
});
