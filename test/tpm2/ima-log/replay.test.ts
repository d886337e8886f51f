import { describe, expect, test } from 'vitest';

import { fromHex, toHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { imaLog, imaNg } from '#test/lab/ima-log-builder.ts';
import { vectorBytes, vectorJson } from '#test/lab/vectors.ts';
import { parseImaLog } from '#tpm2/ima-log.ts';
import { provenPrefix, templateHash } from '#tpm2/ima-log/replay.ts';

const EXPECTED = vectorJson<{
  pcr10: Record<HashName | 'sha256_padded_sha1', string>;
  pcr10_after_each_entry_sha256: string[];
}>('generated-ima/expected.json');

const parse = (file: string) => parseImaLog(vectorBytes(`generated-ima/${file}`));
const AFTER = EXPECTED.pcr10_after_each_entry_sha256.map(fromHex);

describe('provenPrefix', () => {
  test.each(['sha1', 'sha256', 'sha384'] as const)('covers the whole list by its PCR 10 in %s', (bank) => {
    expect(provenPrefix(parse('ok.bin'), { bank, quoted: fromHex(EXPECTED.pcr10[bank]) })).toBe(8);
  });

  test.each(AFTER.map((quoted, index) => [index + 1, quoted] as const))(
    'covers %d records and no more',
    (count, quoted) => {
      expect(provenPrefix(parse('ok.bin'), { bank: 'sha256', quoted })).toBe(count);
    },
  );

  test('covers nothing where nothing was measured', () => {
    expect(provenPrefix(parse('ok.bin'), { bank: 'sha256', quoted: new Uint8Array(32) })).toBe(0);
    expect(provenPrefix([], { bank: 'sha256', quoted: new Uint8Array(32) })).toBe(0);
  });

  test('leaves a tail that the quote does not cover out', () => {
    const records = parse('extra-tail-entry.bin');
    expect([records.length, provenPrefix(records, { bank: 'sha256', quoted: fromHex(EXPECTED.pcr10.sha256) })]).toEqual(
      [9, 8],
    );
  });

  test.each([
    ['a changed record', parse('tampered-entry.bin')],
    ['a record less', parse('ok.bin').slice(1)],
    ['records in another order', parse('ok.bin').toReversed()],
    ['the last record missing', parse('ok.bin').slice(0, -1)],
    ['a good record shown as a violation', parse('ok.bin').with(1, violation(1))],
    ['a violation shown as a good record', parse('ok.bin').map((record) => ({ ...record, isViolation: false }))],
    ['no records', []],
  ])('is undefined for %s', (_what, records) => {
    expect(provenPrefix(records, { bank: 'sha256', quoted: fromHex(EXPECTED.pcr10.sha256) })).toBeUndefined();
  });

  test('does not take a kernel for one that extends each bank by its own hash if it pads SHA-1', () => {
    const quoted = fromHex(EXPECTED.pcr10.sha256_padded_sha1);
    expect(provenPrefix(parse('ok.bin'), { bank: 'sha256', quoted })).toBeUndefined();
  });

  test('goes on from a value that was proven before', () => {
    const tail = parse('ok.bin').slice(3);
    const start = AFTER[2] ?? new Uint8Array();
    const quoted = fromHex(EXPECTED.pcr10.sha256);
    expect(provenPrefix(tail, { bank: 'sha256', quoted, start })).toBe(5);
    expect(provenPrefix(tail, { bank: 'sha256', quoted: start, start })).toBe(0);
    expect(provenPrefix(tail, { bank: 'sha256', quoted })).toBeUndefined();
  });

  test('covers the list of a virtual machine by the PCR 10 it had', () => {
    const records = parseImaLog(vectorBytes('ovmf-debian12/good.ima'));
    const { sha256 } = vectorJson<{ sha256: Record<string, string> }>('ovmf-debian12/good.pcrs.json');
    expect(provenPrefix(records, { bank: 'sha256', quoted: fromHex(sha256['10'] ?? '') })).toBe(records.length);
  });

  test('is undefined for a value of another bank', () => {
    expect(provenPrefix(parse('ok.bin'), { bank: 'sha256', quoted: fromHex(EXPECTED.pcr10.sha1) })).toBeUndefined();
  });
});

test('a violation extends by ones, any other record by the digest of its data', () => {
  const [record] = parseImaLog(imaLog([imaNg('/bin/sh', digest('sha256', utf8('x')))]));
  if (record === undefined) throw new Error('no record');
  expect(toHex(templateHash(record, 'sha384'))).toBe(toHex(digest('sha384', record.templateData)));
  expect(toHex(templateHash({ ...record, isViolation: true }, 'sha384'))).toBe('ff'.repeat(48));
});

/** The list's record at `index`, its template hash made zeros. */
function violation(index: number) {
  const record = parse('ok.bin')[index];
  if (record === undefined) throw new Error('no record');
  return { ...record, isViolation: true };
}
