import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { JsonFormatError, parseStrictJson } from '#core/strict-json.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/suites/JSONTestSuite/test_parsing');
const isHere = existsSync(FOLDER);
if (!isHere) console.warn('SKIPPED: ../shared/suites/JSONTestSuite is not here');
const files = isHere ? readdirSync(FOLDER) : [];

/** What the suite takes and this service does not: a member named twice. */
const REFUSED_ON_PURPOSE = ['y_object_duplicated_key.json', 'y_object_duplicated_key_and_value.json'];

const verdict = (file: string): string => {
  try {
    parseStrictJson(readFileSync(join(FOLDER, file)));
    return 'taken';
  } catch (error) {
    if (error instanceof JsonFormatError) return 'refused';
    throw error;
  }
};

describe.skipIf(!isHere)('JSONTestSuite, which needs ../shared/suites', () => {
  test('is all there', () => {
    expect(files).toHaveLength(318);
  });

  test('what must parse is taken, but for a member named twice', () => {
    const refused = files.filter((file) => file.startsWith('y_') && verdict(file) === 'refused');
    expect(refused.toSorted()).toEqual(REFUSED_ON_PURPOSE);
  });

  test('what must not parse is refused', () => {
    expect(files.filter((file) => file.startsWith('n_') && verdict(file) === 'taken')).toEqual([]);
  });

  test('what may go either way crashes nothing', () => {
    expect(files.filter((file) => file.startsWith('i_')).map(verdict)).toHaveLength(35);
  });
});
