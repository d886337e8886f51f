import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { X509FormatError } from '#pki/x509/format-error.ts';
import { sameName } from '#pki/x509/name-compare.ts';
import { type Name, parseName } from '#pki/x509/name.ts';

import { describeSuite, pemBlock, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/verify_name_match_unittest/names';
/** Some names of the suite have their attributes in an order that is not DER's, which is not what it tests. */
const ANY_ORDER = 'tpm-maker';

const load = (file: string): Name =>
  parseName(pemBlock(readSuite(SUITE, `${file}.pem`).toString('latin1'), 'NAME'), ANY_ORDER);

const TYPES = ['PRINTABLESTRING', 'UTF8', 'BMPSTRING', 'UNIVERSALSTRING'];
const MANGLINGS = ['unmangled', 'case_swap', 'extra_whitespace'];
const VARIANTS = TYPES.flatMap((type) => MANGLINGS.map((mangling) => `ascii-${type}-${mangling}`));
const DIFFERENCES = ['dupe_attr', 'extra_attr', 'extra_rdn'];

describeSuite(SUITE, () => {
  const files = readdirSync(suitePath(SUITE)).map((file) => file.replace('.pem', ''));
  const invalid = files.filter((file) => file.startsWith('invalid-'));

  test('the suite is whole', () => {
    expect([files.length, invalid.length]).toEqual([82, 8]);
  });

  test.each(invalid)('%s does not parse', (file) => {
    expect(() => load(file)).toThrow(X509FormatError);
  });

  test.each(files.filter((file) => !file.startsWith('invalid-')))('%s is the same name as itself', (file) => {
    expect(sameName(load(file), load(file))).toBe(true);
  });

  test.each(VARIANTS)('%s is the same name in every string type, case and spacing', (file) => {
    const others = VARIANTS.filter((other) => !sameName(load(file), load(other)));
    expect(others).toEqual([]);
  });

  describe.each(VARIANTS)('%s', (file) => {
    test.each(DIFFERENCES)('is another name with %s', (difference) => {
      expect(sameName(load(file), load(`${file}-${difference}`))).toBe(false);
    });
  });

  test.each([
    ['unicode_bmp-BMPSTRING-unmangled', 'unicode_bmp-UNIVERSALSTRING-unmangled'],
    ['unicode_bmp-BMPSTRING-unmangled', 'unicode_bmp-UTF8-unmangled'],
    ['unicode_supplementary-UNIVERSALSTRING-unmangled', 'unicode_supplementary-UTF8-unmangled'],
    ['unicode-mixed-normalized', 'unicode-mixed-unnormalized'],
    ['ascii-PRINTABLESTRING-rdn_sorting_1', 'ascii-PRINTABLESTRING-rdn_sorting_2'],
    ['ascii-mixed-rdn_dupetype_sorting_1', 'ascii-mixed-rdn_dupetype_sorting_2'],
  ])('%s is the same name as %s', (a, b) => {
    expect(sameName(load(a), load(b))).toBe(true);
  });

  test('T61String is compared byte by byte', () => {
    expect(sameName(load('ascii-T61STRING-unmangled'), load('ascii-T61STRING-case_swap'))).toBe(false);
    expect(sameName(load('ascii-T61STRING-unmangled'), load('ascii-PRINTABLESTRING-unmangled'))).toBe(false);
  });
});
