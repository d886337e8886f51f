import { describe, expect, test } from 'vitest';

import { fromHex, toHex } from '#core/bytes.ts';
import { vectorJson } from '#test/lab/vectors.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { encodePcrSelections, pcrComposite, pcrSelection, readPcrSelections } from '#tpm2/pcr.ts';
import { Reader } from '#tpm2/reader.ts';

const parse = (hex: string) => {
  const reader = new Reader(fromHex(hex), 'selections');
  const selections = readPcrSelections(reader);
  reader.end();
  return selections;
};

describe('PCR selections', () => {
  test.each([
    ['0-9 and 14', '00000001000b03ff4300', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14]],
    ['0-10', '00000001000b03ff0700', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ['23', '00000001000b03000080', [23]],
    ['none', '00000001000b03000000', []],
  ])('read and write %s', (_what, hex, pcrs) => {
    expect(parse(hex)).toEqual([{ hash: 'sha256', sizeofSelect: 3, pcrs }]);
    expect(toHex(encodePcrSelections([pcrSelection('sha256', pcrs.toReversed())]))).toBe(hex);
  });

  test.each([
    '00000000',
    '00000001000b00',
    '00000001000b04ff430001',
    '000000020004030700000012030740ff',
    '00000002000b03010000000b03010000',
  ])('keep what a verifier compares: %s', (hex) => {
    expect(toHex(encodePcrSelections(parse(hex)))).toBe(hex);
  });

  test('keep the number of a bank that this system does not compute', () => {
    expect(parse('00000001001203010000')).toEqual([{ hash: 0x0012, sizeofSelect: 3, pcrs: [0] }]);
  });

  test.each([
    ['more entries than any TPM has', '00000011', 'count-out-of-range'],
    ['a count of 2^32-1', 'ffffffff', 'count-out-of-range'],
    ['a bitmap of five bytes', '00000001000b050000000000', 'size-out-of-range'],
    ['a bitmap cut short', '00000001000b03ffff', 'truncated'],
  ])('refuse %s', (_what, hex, code) => {
    expect(() => parse(hex)).toThrow(expect.objectContaining({ code }));
  });

  test('are ascending and without duplicates as an agent makes them', () => {
    expect(pcrSelection('sha256', [10, 9, 2, 0, 9, 23]).pcrs).toEqual([0, 2, 9, 10, 23]);
  });

  test('refuse to write a PCR that does not fit', () => {
    expect(() => encodePcrSelections([pcrSelection('sha256', [24])])).toThrow(RangeError);
  });
});

describe('pcrComposite', () => {
  const quotes =
    vectorJson<Record<string, { attest: string; pcrs?: Record<string, string> }>>('generated-swtpm/quotes.json');

  test('is the digest in a quote, by the hash of the signing scheme', () => {
    const { attest = '', pcrs = {} } = quotes['ok_ecc'] ?? {};
    const quote = parseAttest(fromHex(attest));
    if (quote.type !== 'quote') throw new Error('not a quote');
    const values = quote.pcrSelect.flatMap((entry) => entry.pcrs.map((pcr) => fromHex(pcrs[pcr] ?? '')));
    expect(values).toHaveLength(11);
    expect(toHex(pcrComposite('sha256', values))).toBe(toHex(quote.pcrDigest));
  });
});
