import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { decodePcrRead } from '#tpm2/commands/pcr.ts';
import { PcrRegister, resetValue } from '#tpm2/pcr-register.ts';

import { transcript } from './transcript.ts';

describe('PcrRegister', () => {
  test('extends as a TPM does', () => {
    const exchanges = transcript('tpm2-transcript');
    const extends14 = exchanges.filter(({ name }) => name === 'PCR_Extend(14)');
    const register = new PcrRegister('sha256', resetValue(14, 'sha256'));
    // In the recorded commands the SHA-256 digest stands after the SHA-1 one.
    for (const { command } of extends14) register.extend(command.subarray(55, 87));
    const read = exchanges.find(({ name }) => name.startsWith('PCR_Read([8, 9'))?.response ?? new Uint8Array();
    const value = decodePcrRead(read).values[6] ?? new Uint8Array();
    expect(toHex(register.value())).toBe(toHex(value));
    expect(register.equals(value)).toBe(true);
    expect(extends14).toHaveLength(2);
  });

  test('keeps its value to itself', () => {
    const register = new PcrRegister('sha1', resetValue(0, 'sha1'));
    const before = register.value();
    before[0] = 1;
    expect(toHex(register.value())).toBe('00'.repeat(20));
    register.extend(digest('sha1', fromHex('01')));
    const expected = digest('sha1', concatBytes(new Uint8Array(20), digest('sha1', fromHex('01'))));
    expect(toHex(register.value())).toBe(toHex(expected));
  });

  test('takes only digests of its bank', () => {
    expect(() => new PcrRegister('sha256', new Uint8Array(20))).toThrow(RangeError);
    const register = new PcrRegister('sha256', new Uint8Array(32));
    expect(() => register.extend(new Uint8Array(31))).toThrow(RangeError);
    expect(() => register.extend(new Uint8Array(33))).toThrow(RangeError);
  });

  test('is not equal to a value of another length, or one that differs at the end', () => {
    const register = new PcrRegister('sha256', new Uint8Array(32));
    const last = new Uint8Array(32);
    last[31] = 1;
    expect(
      [new Uint8Array(32), new Uint8Array(31), new Uint8Array(33), new Uint8Array(), last].map((v) =>
        register.equals(v),
      ),
    ).toEqual([true, false, false, false, false]);
  });
});

test('PCRs 17 to 22 start with ones, the others with zeros', () => {
  const ones = Array.from({ length: 24 }, (_, pcr) => pcr).filter((pcr) => resetValue(pcr, 'sha384')[0] === 0xff);
  expect(ones).toEqual([17, 18, 19, 20, 21, 22]);
  expect(resetValue(17, 'sha384')).toEqual(new Uint8Array(48).fill(0xff));
});
