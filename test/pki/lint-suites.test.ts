import { existsSync, readdirSync, readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { lintCertificate } from '#pki/lint.ts';
import { firstPemBlock, pkilintErrors } from '#test/lab/suite-files.ts';

import { PKILINT_FILE_EXCEPTIONS, PKILINT_NOT_APPLICABLE, PKILINT_RULES } from './lint/pkilint-map.ts';
import {
  ZLINT_MALFORMED_ELSEWHERE,
  ZLINT_NOT_APPLICABLE,
  ZLINT_ROW_EXCEPTIONS,
  ZLINT_RULES,
} from './lint/zlint-map.ts';

const ZLINT = '../shared/suites/zlint';
const IS_MISSING = !existsSync(ZLINT);
if (IS_MISSING) console.warn(`skipped: ${ZLINT} is not there, so lint is not compared with zlint’s expectations`);

interface ZlintRow {
  readonly file: string;
  readonly lint: string;
  readonly expect: 'Pass' | 'NA' | 'NE' | 'Notice' | 'Warn' | 'Error';
  readonly source: string;
  readonly kind: 'Certificate' | 'RevocationList' | 'OcspResponse';
}

const zlintRows: readonly ZlintRow[] = IS_MISSING ? [] : JSON.parse(readFileSync(`${ZLINT}/expectations.json`, 'utf8'));
const certificateRows = zlintRows.filter(({ kind }) => kind === 'Certificate');

const derOf = (file: string): Bytes => firstPemBlock(`${ZLINT}/testdata/${file}`);

describe.skipIf(IS_MISSING)('lint against zlint’s expectations', () => {
  test('every rule of zlint’s is compared with one of ours, or has a reason not to be', () => {
    const names = new Set(certificateRows.map(({ lint }) => lint));
    const settled = (name: string) => name in ZLINT_RULES !== name in ZLINT_NOT_APPLICABLE;
    expect([...names].filter((name) => !settled(name))).toEqual([]);
  });

  // NE: zlint found the certificate older than the rule. Ours have no dates before which they do not hold.
  const rows = certificateRows.filter(
    (row) =>
      row.lint in ZLINT_RULES &&
      row.expect !== 'NE' &&
      !(`${row.lint} ${row.file}` in ZLINT_ROW_EXCEPTIONS) &&
      !(row.file in ZLINT_MALFORMED_ELSEWHERE),
  );

  test.for(rows)('$lint: $file is $expect', (row) => {
    const broken = lintCertificate(derOf(row.file), {}).map(({ rule }) => rule);
    const hits = (ZLINT_RULES[row.lint] ?? []).filter((rule) => broken.includes(rule));
    const isBad = row.expect === 'Error' || row.expect === 'Warn' || row.expect === 'Notice';
    expect({ broken, isFound: hits.length > 0 }).toEqual({ broken, isFound: isBad });
  });

  test.for(Object.entries(ZLINT_MALFORMED_ELSEWHERE))('%s is malformed elsewhere: %s', ([file, reason]) => {
    const findings = lintCertificate(derOf(file), {});
    expect(findings.map(({ rule }) => rule)).toEqual(['malformed']);
    expect(findings[0]?.detail.startsWith(reason)).toBe(true);
  });

  const refused = certificateRows.filter(
    ({ lint, expect: want }) => lint in ZLINT_NOT_APPLICABLE && (want === 'Error' || want === 'Warn'),
  );

  test.for(refused)('$lint: $file would not be issued under any profile', ({ file }) => {
    for (const purpose of ['kubelet-client', 'node-issuing-ca', 'server', 'administrator'] as const) {
      expect(lintCertificate(derOf(file), { purpose })).not.toEqual([]);
    }
  });
});

const PKILINT = '../shared/suites/pkilint/integration_certificate/pkix';
const PKILINT_IS_MISSING = !existsSync(PKILINT);
if (PKILINT_IS_MISSING)
  console.warn(`skipped: ${PKILINT} is not there, so lint is not compared with pkilint’s findings`);

describe.skipIf(PKILINT_IS_MISSING)('lint against pkilint’s findings', () => {
  const files = PKILINT_IS_MISSING ? [] : readdirSync(PKILINT);

  test.for(files)('%s', (file) => {
    const der = firstPemBlock(`${PKILINT}/${file}`);
    const broken = lintCertificate(der, {}).map(({ rule }) => rule);
    const codes = pkilintErrors(`${PKILINT}/${file}`);
    for (const code of codes) {
      if (code in PKILINT_NOT_APPLICABLE || file in PKILINT_FILE_EXCEPTIONS) continue;
      const isFound = PKILINT_RULES[code]?.some((rule) => broken.includes(rule));
      expect({ code, broken, isFound }).toMatchObject({ isFound: true });
    }
    // Whatever pkilint calls an error is never issued, be it for the same reason or another.
    if (codes.length === 0) return;
    for (const purpose of ['kubelet-client', 'node-issuing-ca', 'server', 'administrator'] as const) {
      expect(lintCertificate(der, { purpose })).not.toEqual([]);
    }
  });
});
