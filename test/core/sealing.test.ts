import { describe, expect, test } from 'vitest';

import { type Bytes, utf8 } from '#core/bytes.ts';
import { systemRandom } from '#core/random.ts';
import { seal, type SealingKey, unseal } from '#core/sealing.ts';
import { Secret } from '#core/secret.ts';

const key: SealingKey = { id: utf8('8 bytes!'), secret: new Secret(utf8('32 bytes of a key in the tests..')) };
const box = seal(utf8('facts'), key, 'tests-v1', systemRandom);

describe('sealing', () => {
  test('gives back what was sealed', () => {
    expect(unseal(box, [key], 'tests-v1')).toEqual(Buffer.from('facts'));
  });

  test.each<[string, Bytes, SealingKey, string]>([
    ['for another purpose', box, key, 'tests-v2'],
    ['for a purpose that it only begins like', box, key, 'tests-v'],
    ['by a key of another name', box, { ...key, id: utf8('8 BYTES!') }, 'tests-v1'],
    ['by another key of that name', box, { ...key, secret: new Secret(new Uint8Array(32)) }, 'tests-v1'],
    ['that is cut short', box.subarray(0, -1), key, 'tests-v1'],
    ['with a byte behind it', Buffer.concat([box, Buffer.from([0])]), key, 'tests-v1'],
    ['that is empty', new Uint8Array(), key, 'tests-v1'],
  ])('opens nothing %s', (_, what, by, purpose) => {
    expect(unseal(what, [by], purpose)).toBeUndefined();
  });

  test('opens with whichever of the keys sealed it', () => {
    const other = { id: utf8('another!'), secret: new Secret(new Uint8Array(32)) };
    expect(unseal(box, [other, key], 'tests-v1')).toEqual(Buffer.from('facts'));
    expect(unseal(box, [other], 'tests-v1')).toBeUndefined();
    expect(unseal(box, [], 'tests-v1')).toBeUndefined();
  });

  test('opens nothing of which one bit was changed', () => {
    for (let bit = 0; bit < box.byteLength * 8; bit += 1) {
      const changed = box.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(unseal(changed, [key], 'tests-v1')).toBeUndefined();
    }
  });
});
