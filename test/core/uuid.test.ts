import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isNodeId, isRequestId, newNodeId, newRequestId } from '#core/ids.ts';
import { systemRandom } from '#core/random.ts';
import { uuidV4 } from '#core/uuid.ts';

describe('uuidV4', () => {
  test('keeps 122 of the 128 bits and says version 4, variant 1', () => {
    expect(uuidV4(new Uint8Array(16))).toBe('00000000-0000-4000-8000-000000000000');
    expect(uuidV4(new Uint8Array(16).fill(0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  });

  test('makes what the identifiers take', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(isNodeId(newNodeId(() => bytes))).toBe(true);
        expect(isRequestId(newRequestId(() => bytes))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('differs each time over the system’s generator, and refuses any other length', () => {
    expect(newRequestId(systemRandom)).not.toBe(newRequestId(systemRandom));
    expect(() => uuidV4(new Uint8Array(15))).toThrow(RangeError);
  });
});
