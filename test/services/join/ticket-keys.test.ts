import { describe, expect, test } from 'vitest';

import { fromHex, toHex, utf8 } from '#core/bytes.ts';
import {
  OPENS_AFTER_MS,
  parseTicketKeys,
  sealingKeys,
  usableKeys,
  writeTicketKeys,
} from '#services/join/ticket-keys.ts';

const [A, B, C] = ['0a', '0b', '0c'].map((byte) => byte.repeat(32));
const NOON = new Date('2026-11-21T12:00:00Z');
const at = (ms: number): Date => new Date(NOON.getTime() + ms);
const FILE = `${A}\n${B} 2026-11-21T11:00:00Z\n${C} 2026-11-21T12:00:00Z\n`;

describe('a ticket key file', () => {
  test.each<[string, string, boolean]>([
    ['has one key', `${A}\n`, true],
    ['has keys with their times in order', FILE, true],
    ['says of its first key too since when', `${A} 2026-11-21T10:00:00Z\n${B} 2026-11-21T11:00:00Z\n`, true],
    ['is empty', '', false],
    ['has a key that is cut short', 'ab', false],
    ['has a key in capitals', 'AB'.repeat(32), false],
    ['has a line too many', `${A}\n\n`, false],
    ['has a key that is too long', 'ab'.repeat(33), false],
    ['has a space before', ` ${A}`, false],
    ['does not say when a second key seals', `${A}\n${B}\n`, false],
    ['has times that go back', `${A}\n${B} 2026-11-21T11:00:00Z\n${C} 2026-11-21T10:59:59Z\n`, false],
    ['has two keys of one time', `${A}\n${B} 2026-11-21T11:00:00Z\n${C} 2026-11-21T11:00:00Z\n`, false],
    ['has a key twice', `${A}\n${B} 2026-11-21T11:00:00Z\n${A} 2026-11-21T12:00:00Z\n`, false],
    ['has a second that there is not', `${A}\n${B} 2026-02-30T25:00:00Z\n`, false],
    ['has a time of another form', `${A}\n${B} 2026-11-21 11:00:00\n`, false],
    [
      'has more keys than a rotation needs',
      Array.from({ length: 9 }, (_, n) => `0${n}`.repeat(32) + (n === 0 ? '' : ` 2026-11-21T11:00:0${n}Z`)).join('\n'),
      false,
    ],
  ])('that %s is taken or not', (_, text, isTaken) => {
    const written = (): string => {
      try {
        return Buffer.from(writeTicketKeys(parseTicketKeys(utf8(text)))).toString('latin1');
      } catch (error) {
        return error instanceof RangeError ? 'refused' : String(error);
      }
    };
    expect(written()).toBe(isTaken ? text : 'refused');
  });

  test('gives a key and a name for it that does not show the key', () => {
    const [first] = parseTicketKeys(utf8(`${A}\n`));
    expect(first?.key.secret.reveal()).toEqual(Buffer.from(fromHex(A ?? '')));
    expect(JSON.stringify({ ...first?.key, id: toHex(first?.key.id ?? utf8('')) })).toMatch(
      /^\{"id":"[0-9a-f]{16}","secret":"\[redacted\]"\}$/,
    );
  });
});

describe('the keys of a file', () => {
  const keys = parseTicketKeys(utf8(FILE));
  const names = keys.map(({ key }) => toHex(key.id));
  const ring = sealingKeys(() => keys);

  test.each<[string, number, number, readonly number[]]>([
    ['before the second’s time', -3_600_001, 0, [0, 1, 2]],
    ['at the second’s time', -3_600_000, 1, [0, 1, 2]],
    ['while the first may have sealed what still lives', -3_600_000 + OPENS_AFTER_MS - 1, 1, [0, 1, 2]],
    ['once nothing lives that the first sealed', -3_600_000 + OPENS_AFTER_MS, 1, [1, 2]],
    ['just before the third’s time', -1, 1, [1, 2]],
    ['at the third’s time', 0, 2, [1, 2]],
    ['long after', OPENS_AFTER_MS, 2, [2]],
  ])('%s: one seals, and some open', (_, ms, seals, open) => {
    expect(toHex(ring.sealing(at(ms)).id)).toBe(names[seals]);
    expect(ring.opening(at(ms)).map(({ id }) => toHex(id))).toEqual(open.map((index) => names[index]));
    expect(usableKeys(keys, at(ms)).map(({ key }) => toHex(key.id))).toEqual(open.map((index) => names[index]));
  });
});
