import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { Reader } from '#tpm2/reader.ts';
import { Writer } from '#tpm2/writer.ts';

describe('Reader and Writer', () => {
  test('agree on every width', () => {
    const bytes = new Writer()
      .u8(0x12)
      .u16(0x3456)
      .u32(0x89abcdef)
      .i32(-2)
      .u64(0x0123456789abcdefn)
      .sized(fromHex('aabb'))
      .bytes(fromHex('cc'))
      .finish();
    expect(toHex(bytes)).toBe('12345689abcdeffffffffe0123456789abcdef0002aabbcc');
    const reader = new Reader(bytes, 'test');
    expect([reader.u8(), reader.u16(), reader.u32(), reader.i32(), reader.u64()]).toEqual([
      0x12,
      0x3456,
      0x89abcdef,
      -2,
      0x0123456789abcdefn,
    ]);
    expect([toHex(reader.sized()), reader.remaining, toHex(reader.rest()), reader.offset]).toEqual([
      'aabb',
      1,
      'cc',
      24,
    ]);
    expect(() => reader.end()).not.toThrow();
  });

  test('reads little-endian numbers', () => {
    const reader = new Reader(fromHex('3412efcdab89efcdab8967452301'), 'test');
    expect([reader.u16Le(), reader.u32Le(), reader.u64Le()]).toEqual([0x1234, 0x89abcdef, 0x0123456789abcdefn]);
  });

  test.each([
    ['u8', (r: Reader) => r.u8()],
    ['u16', (r: Reader) => r.u16()],
    ['u32', (r: Reader) => r.u32()],
    ['i32', (r: Reader) => r.i32()],
    ['u64', (r: Reader) => r.u64()],
    ['u16Le', (r: Reader) => r.u16Le()],
    ['u32Le', (r: Reader) => r.u32Le()],
    ['u64Le', (r: Reader) => r.u64Le()],
    ['bytes', (r: Reader) => r.bytes(1)],
    ['sized', (r: Reader) => r.sized()],
    ['count', (r: Reader) => r.count(1)],
  ])('%s does not read past the end', (_name, read) => {
    const whole = fromHex('ffff0011');
    const reader = new Reader(whole.subarray(0, 0), 'test');
    expect(() => read(reader)).toThrow(expect.objectContaining({ code: 'truncated', offset: 0 }));
  });

  test('refuses a size beyond its bytes or its limit', () => {
    expect(() => new Reader(fromHex('0003aabb'), 'test').sized()).toThrow(/truncated at offset 2/);
    expect(() => new Reader(fromHex('0002aabb'), 'test').sized(1)).toThrow(/size-out-of-range/);
    expect(() => new Reader(fromHex('00000002'), 'test').count(1)).toThrow(/count-out-of-range/);
    expect(() => new Reader(fromHex('00'), 'test').end()).toThrow(/trailing-bytes/);
  });

  test('counts the offset of a nested structure from the outermost one', () => {
    const outer = new Reader(fromHex('ff000201aa'), 'outer');
    outer.u8();
    const inner = outer.sizedReader('inner');
    inner.u8();
    expect(() => inner.end()).toThrow(expect.objectContaining({ code: 'trailing-bytes', offset: 4 }));
  });

  test('throws RangeError for a value that does not fit', () => {
    expect(() => new Writer().u8(256)).toThrow(RangeError);
    expect(() => new Writer().u16(-1)).toThrow(RangeError);
    expect(() => new Writer().sized(new Uint8Array(65536))).toThrow(RangeError);
  });
});
