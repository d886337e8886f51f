import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { lintCrl } from '#pki/lint-crl.ts';
import { firstPemBlock, pkilintErrors } from '#test/lab/suite-files.ts';

import { CRL_SUITE_EXCEPTIONS, CRL_SUITE_RULES, PKILINT_CRL_RULES } from './lint/crl-suite-map.ts';

const SUITES = '../shared/suites';
const IS_MISSING = !existsSync(SUITES);
if (IS_MISSING)
  console.warn(`skipped: ${SUITES} is not there, so CRL lint is not compared with zlint, Boulder and pkilint`);

interface Row {
  readonly lint: string;
  readonly file: string;
  readonly path: string;
  /** Undefined: the outside lint took the list to be older than the rule. */
  readonly isBad: boolean | undefined;
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

function zlintRows(): readonly Row[] {
  const rows: { kind: string; lint: string; file: string; expect: string }[] = json(
    `${SUITES}/zlint/expectations.json`,
  );
  return rows
    .filter(({ kind }) => kind === 'RevocationList')
    .map(({ lint, file, expect: want }) => ({
      lint,
      file,
      path: `${SUITES}/zlint/testdata/${file}`,
      isBad: verdict(want),
    }));
}

function boulderRows(): readonly Row[] {
  const folder = `${SUITES}/boulder-crl-lints`;
  const rows: { lint: string; file: string; want: string }[] = json(`${folder}/expectations.json`);
  return rows.map(({ lint, file, want }) => ({ lint, file, path: `${folder}/testdata/${file}`, isBad: verdict(want) }));
}

function verdict(want: string): boolean | undefined {
  if (want === 'NE') return undefined;
  return want === 'Error' || want === 'Warn' || want === 'Notice';
}

describe.skipIf(IS_MISSING)('CRL lint against zlint’s and Boulder’s expectations', () => {
  const rows = IS_MISSING ? [] : [...zlintRows(), ...boulderRows()];

  test('compares every one of their rules with ours', () => {
    expect(rows.filter(({ lint }) => !(lint in CRL_SUITE_RULES))).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(110);
  });

  const compared = rows.filter(
    ({ lint, file, isBad }) => isBad !== undefined && !(`${lint} ${file}` in CRL_SUITE_EXCEPTIONS),
  );

  test.for(compared)('$lint: $file', async ({ lint, path, isBad }) => {
    const broken = (await lintCrl(firstPemBlock(path), { profile: true })).map(({ rule }) => rule);
    const isFound = (CRL_SUITE_RULES[lint] ?? []).some((rule) => broken.includes(rule));
    expect({ broken, isFound }).toEqual({ broken, isFound: isBad });
  });

  const folders = [`${SUITES}/pkilint/integration_crl/cabf/arl`, `${SUITES}/pkilint/integration_crl/pkix/crl`];
  const samples = IS_MISSING ? [] : folders.flatMap((folder) => readdirSync(folder).map((file) => `${folder}/${file}`));

  test.for(samples)('finds what pkilint found in %s', async (path) => {
    const broken = (await lintCrl(firstPemBlock(path), { profile: true })).map(({ rule }) => rule);
    for (const code of pkilintErrors(path)) {
      const isFound = PKILINT_CRL_RULES[code]?.some((rule) => broken.includes(rule));
      expect({ code, broken, isFound }).toMatchObject({ isFound: true });
    }
  });
});
