import { describe, expect, test } from 'vitest';

import { writeAnswer } from '#cli/render/output.ts';
import { renderFacts } from '#cli/render/records.ts';
import { safeText } from '#cli/render/safe-text.ts';
import { makeStyle } from '#cli/render/style.ts';
import { renderFields, renderTable } from '#cli/render/table.ts';

const PLAIN = makeStyle(false);

describe('a table', () => {
  const columns = [
    { heading: 'NAME', cell: (row: readonly string[]) => row[0] },
    { heading: 'STATE', cell: (row: readonly string[]) => row[1], style: () => makeStyle(true).bad },
    { heading: 'LAST', cell: () => undefined },
  ];

  test('lines its columns up and marks what is empty', () => {
    const plain = columns.map(({ heading, cell }) => ({ heading, cell }));
    expect(
      renderTable(
        plain,
        [
          ['worker-7', 'joined'],
          ['w', 'barred'],
        ],
        PLAIN,
      ),
    ).toBe('NAME      STATE   LAST\nworker-7  joined  -\nw         barred  -\n');
  });

  test('colours a cell after it was padded, so that colours move nothing', () => {
    expect(renderTable(columns, [['w', 'x']], PLAIN)).toContain('w     \u001b[31mx    \u001b[39m  -');
  });

  test('shows no control character that a stranger put into a value', () => {
    const text = renderTable(columns, [['a\u001b[2J', 'b\r\nc']], PLAIN);
    expect(text).toContain('a\\u001b[2J');
    expect(text.split('\n')).toHaveLength(3);
  });
});

test.each([
  ['plain text', 'plain text'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['a\nb', 'a\\u000ab'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['zero\u200bwidth', 'zero\\u200bwidth'],
  ['\u009bC1', '\\u009bC1'],
  ['tag\u{e0041}', 'tag\\ue0041'],
  ['Grüße 🙂', 'Grüße 🙂'],
])('%j is safe to show as %j', (text, safe) => {
  expect(safeText(text)).toBe(safe);
});

test('fields without a value are left out, the others line up', () => {
  expect(
    renderFields(
      [
        ['a', '1'],
        ['long', undefined],
        ['bcd', '2'],
      ],
      PLAIN,
    ),
  ).toBe('a    1\nbcd  2\n');
});

test('facts are one line, cut where they go on for long', () => {
  expect(renderFacts({ problem: 'evidence-rejected', count: 2 })).toBe('problem=evidence-rejected count=2');
  expect(renderFacts({ text: 'x'.repeat(500) })).toHaveLength(120);
  const denials = [{ code: 'pcr-mismatch', pcr: 4, found: 'ab' }, { code: 'ek-denied' }];
  expect(renderFacts({ advisories: [], evidence: { a: 1 }, denials, problem: 'evidence-rejected' })).toBe(
    'problem=evidence-rejected denials=pcr-mismatch(PCR 4),ek-denied evidence={…}',
  );
});

describe('an answer', () => {
  const answer = (format: 'table' | 'json' | 'yaml', outIsTerminal: boolean): string => {
    let out = '';
    const terminal = {
      out: (text: string) => {
        out += text;
      },
      err: () => undefined,
      outIsTerminal,
      errIsTerminal: false,
      colour: true,
      workingDirectory: '/',
      stopSignal: () => new AbortController().signal,
      now: () => new Date(0),
    };
    writeAnswer(terminal, format, { a: 1 }, (_, style) => style.good('fine'));
    return out;
  };

  test.each([
    ['table', true, '\u001b[32mfine\u001b[39m'],
    ['table', false, 'fine'],
    ['json', true, '{\n  "a": 1\n}\n'],
    ['yaml', true, 'a: 1\n'],
  ] as const)('as %s (terminal: %s) is %j', (format, outIsTerminal, text) => {
    expect(answer(format, outIsTerminal)).toBe(text);
  });
});
