import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { formatCode } from '#test/lab/format-code.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { parseAttest, readAttestHeader } from '#tpm2/attest.ts';
import { objectName } from '#tpm2/name.ts';
import { TAG, TPM_GENERATED } from '#tpm2/constants.ts';

const QUOTES = vectorJson<Record<string, { attest: string; nonce: string }>>('generated-swtpm/quotes.json');
const QUOTE = QUOTES['ok_ecc']?.attest ?? '';

/** The quote with `value` in place of the bytes at `offset`. */
function edited(offset: number, value: string): Uint8Array {
  return fromHex(QUOTE.slice(0, offset * 2) + value + QUOTE.slice(offset * 2 + value.length));
}

/** 67 bytes: one more than a Name has. */
const LONG = 'ab'.repeat(67);

/** A TPM2B of `size` bytes. */
const sized = (size: number) => size.toString(16).padStart(4, '0') + 'ab'.repeat(size);

/** The quote with a qualified signer, or extraData, of another length. */
const signedBy = (size: number) => fromHex(QUOTE.slice(0, 12) + sized(size) + QUOTE.slice(84));
const qualifiedBy = (size: number) => fromHex(QUOTE.slice(0, 84) + sized(size) + QUOTE.slice(152));

/** A TPMS_ATTEST of another type with the quote's common fields, which are the first 101 bytes. */
function ofType(type: string, attested: string): Uint8Array {
  return fromHex(`ff544347${type}${QUOTE.slice(12, 202)}${attested}`);
}

describe('parseAttest', () => {
  test('reads a quote field by field', () => {
    expect(parseAttest(fromHex(QUOTE))).toEqual({
      type: 'quote',
      qualifiedSigner: fromHex('000bd246af79c92781614ebaba54de5cce5a3c47920a4c064dbd4bbc7b809903e7ba'),
      extraData: fromHex('f3e5901efa1d532eedb66309201b08a05c848066c5e2b5c74707e26cfaaf849a'),
      clockInfo: { clock: 0x371n, resetCount: 0x8a2a8b53, restartCount: 0x38dab393, safe: true },
      firmwareVersion: 0x901af6f6e746ca41n,
      pcrSelect: [{ hash: 'sha256', sizeofSelect: 3, pcrs: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14] }],
      pcrDigest: fromHex('9b295cd5add6e14e4443256fcf33d934bf8975b9ba614b7bc14c07aeee4a97e6'),
    });
  });

  test.each(Object.entries(QUOTES))('reads the vector %s', (id, { attest, nonce }) => {
    const parsed = parseAttest(fromHex(attest));
    expect(parsed.type).toBe(id === 'certify_as_quote' ? 'certify' : 'quote');
    expect(toHex(parsed.extraData)).toBe(nonce);
  });

  test('reads a certification, whose name is that of the certified key', () => {
    const vector = vectorJson<Record<string, string>>('generated-swtpm/certify-tls-key.json');
    const parsed = parseAttest(fromHex(vector['attest'] ?? ''));
    if (parsed.type !== 'certify') throw new Error('not a certification');
    expect(toHex(parsed.name)).toBe(vector['tlsName']);
    expect(toHex(objectName(fromHex(vector['tlsPublic'] ?? ''), 'sha256'))).toBe(vector['tlsName']);
    expect(toHex(parsed.extraData)).toBe(vector['qualifyingData']);
  });

  test('reads the clock of a TPM across resume, reset and power loss', () => {
    const sequence = vectorJson<
      { attest: string; parsed: { clock: number; resetCount: number; restartCount: number; fw: string; qs: string } }[]
    >('generated-swtpm/clockinfo-sequence.json');
    for (const { attest, parsed } of sequence) {
      const { clockInfo, firmwareVersion, qualifiedSigner } = parseAttest(fromHex(attest));
      expect(clockInfo).toEqual({
        clock: BigInt(parsed.clock),
        resetCount: parsed.resetCount,
        restartCount: parsed.restartCount,
        safe: false,
      });
      expect(firmwareVersion).toBe(BigInt(`0x${parsed.fw}`));
      expect(toHex(qualifiedSigner)).toBe(parsed.qs);
    }
    expect(sequence).toHaveLength(5);
  });

  test('reads a quote that tpm2-tools made for keylime', () => {
    const quote = parseAttest(vectorBytes('keylime-tpm2-files/quote.out'));
    expect(quote).toMatchObject({
      type: 'quote',
      pcrSelect: [{ hash: 'sha256', sizeofSelect: 3, pcrs: [15, 16, 22] }],
    });
    expect(quote.extraData).toHaveLength(20);
  });

  test.each([
    ['creation', '801a', `0004aaaaaaaa0002bbbb`, { objectName: fromHex('aaaaaaaa'), creationHash: fromHex('bbbb') }],
    [
      'nv',
      '8014',
      '0002aaaa00070003bbbbbb',
      { indexName: fromHex('aaaa'), nvOffset: 7, nvContents: fromHex('bbbbbb') },
    ],
    [
      'time',
      '8019',
      '0000000000000001' + '0000000000000002' + '00000003' + '00000004' + '00' + '0000000000000005',
      {
        time: 1n,
        attestedClockInfo: { clock: 2n, resetCount: 3, restartCount: 4, safe: false },
        attestedFirmwareVersion: 5n,
      },
    ],
  ])('reads a statement of type %s', (type, tag, attested, fields) => {
    expect(parseAttest(ofType(tag, attested))).toMatchObject({ type, ...fields });
  });

  test.each([
    ['the quote as it is', edited(0, 'ff'), 'accepted'],
    ['another magic', edited(3, '48'), 'bad-value'],
    ['a type that is no statement', edited(4, '8021'), 'unknown-selector'],
    ['a type this system does not read', edited(4, '8015'), 'unknown-selector'],
    ['a qualified signer longer than any Name', edited(6, '0043'), 'size-out-of-range'],
    ['extraData longer than any TPM2B_DATA', edited(42, '0043'), 'size-out-of-range'],
    ['safe neither 0 nor 1', edited(92, '02'), 'bad-value'],
    ['a selection count of 2^32-1', edited(101, 'ffffffff'), 'count-out-of-range'],
    ['a digest longer than any', edited(111, '0041'), 'size-out-of-range'],
    ['a certified name longer than any', ofType('8017', `0043${LONG}0000`), 'size-out-of-range'],
    ['a certified qualified name longer than any', ofType('8017', `00000043${LONG}`), 'size-out-of-range'],
    ['a created name longer than any', ofType('801a', `0043${LONG}0000`), 'size-out-of-range'],
    ['a creation hash longer than any', ofType('801a', `00000041${LONG.slice(0, 130)}`), 'size-out-of-range'],
    ['an index name longer than any', ofType('8014', `0043${LONG}00000000`), 'size-out-of-range'],
    ['a signer as long as the longest Name', signedBy(66), 'accepted'],
    ['a signer longer than that', signedBy(67), 'size-out-of-range'],
    ['extraData as long as the longest TPM2B_DATA', qualifiedBy(66), 'accepted'],
    ['extraData longer than that', qualifiedBy(67), 'size-out-of-range'],
    ['a whole digest longer than any', fromHex(`${QUOTE.slice(0, -68)}0041${LONG.slice(0, 130)}`), 'size-out-of-range'],
    ['1,024 bytes, which may be a statement', new Uint8Array(1_024), 'bad-value'],
    ['1,025 bytes, which are too many for one', new Uint8Array(1_025), 'size-out-of-range'],
    ['a byte too many', concatBytes(fromHex(QUOTE), Buffer.of(0)), 'trailing-bytes'],
    ['a byte too few', fromHex(QUOTE).subarray(0, -1), 'truncated'],
    [
      'more bytes than any statement has',
      ofType('8014', `0000` + `0000` + `0400` + '00'.repeat(1024)),
      'size-out-of-range',
    ],
  ])('says what is wrong with %s', (_what, bytes, code) => {
    expect(formatCode(() => parseAttest(bytes))).toBe(code);
  });
});

describe('readAttestHeader', () => {
  test('tells magic and type apart, whatever they are', () => {
    expect(readAttestHeader(fromHex(QUOTE))).toEqual({ magic: TPM_GENERATED, type: TAG.attestQuote });
    expect(readAttestHeader(fromHex('000102030405'))).toEqual({ magic: 0x00010203, type: 0x0405 });
    expect(() => readAttestHeader(fromHex('0001020304'))).toThrow(/truncated/);
  });
});
