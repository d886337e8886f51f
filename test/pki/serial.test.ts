import { describe, expect, test } from 'vitest';

import { systemRandom } from '#core/random.ts';
import { isOwnSerial, newSerial, serialBytes } from '#pki/serial.ts';

describe('serial numbers', () => {
  test('are 17 bytes, positive, the same lead byte and then what the random source gave', () => {
    const zeros = serialBytes(newSerial((length) => new Uint8Array(length)));
    const ones = serialBytes(newSerial((length) => new Uint8Array(length).fill(0xff)));
    expect(zeros.byteLength).toBe(17);
    expect(ones.byteLength).toBe(17);
    expect(zeros[0]).toBe(ones[0]);
    expect(zeros[0]).toBeGreaterThan(0);
    expect(zeros[0]).toBeLessThan(0x80);
    expect(zeros.subarray(1)).toEqual(Buffer.alloc(16));
    expect(ones.subarray(1)).toEqual(Buffer.alloc(16, 0xff));
  });

  test('are known again by their form', () => {
    expect(isOwnSerial(serialBytes(newSerial(systemRandom)))).toBe(true);
    expect(isOwnSerial(Buffer.alloc(17, 0x4c))).toBe(false);
    expect(isOwnSerial(Buffer.alloc(16, 0x4d))).toBe(false);
  });

  test('are not made from a random source that gives too few bytes', () => {
    expect(() => newSerial(() => new Uint8Array(8))).toThrow(RangeError);
  });

  test('100,000 of them: none twice, every random bit set in half of them within 1 %', () => {
    const count = 100_000;
    const seen = new Set<string>();
    const set = Array.from({ length: 128 }, () => 0);
    for (let i = 0; i < count; i += 1) {
      const serial = newSerial(systemRandom);
      seen.add(serial);
      const bytes = serialBytes(serial);
      for (let bit = 0; bit < 128; bit += 1) {
        if (((bytes[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) set[bit] = (set[bit] ?? 0) + 1;
      }
    }
    expect(seen.size).toBe(count);
    // The standard deviation is 0.16 %: 1 % is more than six of them.
    for (const ones of set) expect(Math.abs(ones / count - 0.5)).toBeLessThan(0.01);
  });
});
